"""A target: what is fuzzed, and what must hold for every input."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.service import Service

_LONGEST_NOTE = 4_000
Count = Callable[[], None]
"""Called once for every input."""
Test = Callable[[], None]
"""A test of Hypothesis, which takes a seed or one example."""
Check = Callable[[Service, Any], None]
Make = Callable[[Service, Count, settings], Test]


@dataclass(frozen=True)
class Target:
    """`share`: its part of all inputs, in hundredths; `make` returns the test of a running service, under
    options.

    One example of the test makes up to `steps` inputs.
    """

    name: str
    share: int
    make: Make
    steps: int = 1


def every(strategy: st.SearchStrategy[Any], check: Check) -> Make:
    """Check every value of a strategy."""

    def make(service: Service, count: Count, options: settings) -> Test:
        @options
        @given(strategy)
        def one(value: Any) -> None:
            count()
            try:
                check(service, value)
            except Exception as fault:
                fault.add_note(f"input: {value!r}"[:_LONGEST_NOTE])
                raise

        return one

    return make
