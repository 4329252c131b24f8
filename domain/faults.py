"""All faults of one request, in the order in which they are checked."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from domain.errors import ExemplarError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Faults:
    """Collect refusals instead of stopping at the first."""

    def __init__(self) -> None:
        self._found: list[ExemplarError] = []

    def check(
        self, rule: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result | None:
        """Return the result of a rule; None, and its refusal is kept, when it raises an ExemplarError."""
        try:
            return rule(*arguments, **named)
        except ExemplarError as error:
            self.add(error)
            return None

    def add(self, error: ExemplarError) -> None:
        """Keep a refusal with the others that it names."""
        others, error.others = error.others, ()
        self._found += [error, *others]

    def refuse(self) -> None:
        """Raise the first refusal, which names the others; return if there is none."""
        if self._found:
            first, *others = self._found
            first.others = tuple(others)
            raise first
