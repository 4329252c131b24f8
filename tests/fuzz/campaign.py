"""Tries inputs of targets until there are enough; a failing one can be repeated exactly."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, reproduce_failure, settings
from hypothesis import seed as seeded
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.reporting import with_reporter

from tests.fuzz.service import Service
from tests.fuzz.target import Target, Test

BATCH = 500
"""Inputs between two looks at accounts and memory; one batch has one seed."""
_EXAMPLE = re.compile(r"@reproduce_failure\('[^']+', b'([^']+)'\)")


@dataclass
class Result:
    """What became of a target; `failure` is the report of its first failing input, `example` encodes the input."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    failure: str = ""
    example: str = ""

    def __str__(self) -> str:
        failures = 1 if self.failure else 0
        return f"{self.target:12} {self.inputs:7} inputs {failures:3} failures {self.seconds:6.0f} s"


@dataclass
class Campaign:
    """`seed` chooses all inputs; `progress` is told after each batch."""

    service: Service
    seed: int
    progress: Callable[[Result], None] = field(default=lambda _: None)

    def run(self, target: Target, inputs: int) -> Result:
        """Try at least this many inputs of a target, up to its first failure."""
        result = Result(target.name)
        for number in range(inputs):
            if result.inputs >= inputs or result.failure:
                break
            left = min(BATCH, inputs - result.inputs)
            self._batch(target, result, seeded(self._seed(target, number)), max(1, -(-left // target.steps)))
            self.progress(result)
        return result

    def repeat(self, target: Target, example: str) -> Result:
        """Try one input again, that of a failure."""
        result = Result(target.name)
        self._batch(target, result, reproduce_failure(hypothesis.__version__, example.encode()), 1)
        return result

    def _batch(self, target: Target, result: Result, chosen: Callable[[Test], Test], examples: int) -> None:
        def count() -> None:
            result.inputs += 1

        begun = time.monotonic()
        try:
            self.service.restore()
            options = settings(
                max_examples=examples,
                stateful_step_count=target.steps,
                database=None,
                deadline=None,
                print_blob=True,
                report_multiple_bugs=False,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
                verbosity=Verbosity.normal,
            )
            with with_reporter(lambda _: None):  # the failure has all of it in its notes
                chosen(target.make(self.service, count, options))()
            self.service.check()
        except FlakyStrategyDefinition:
            pass  # an answer that differs from the last time leads on to other steps: the batch ends, the next begins
        except (Exception, BaseExceptionGroup) as fault:  # noqa: BLE001 - every failure is reported
            result.failure = "\n".join(_told(fault))
            found = _EXAMPLE.search(result.failure)
            result.example = found[1] if found else ""
        result.seconds += time.monotonic() - begun

    def _seed(self, target: Target, number: int) -> int:
        return int.from_bytes(sha256(f"{self.seed}:{target.name}:{number}".encode()).digest()[:8], "big")


def _told(fault: BaseException) -> Iterator[str]:
    yield f"{type(fault).__name__}: {fault}"
    yield from getattr(fault, "__notes__", ())
    for inner in getattr(fault, "exceptions", ()):
        yield from _told(inner)
