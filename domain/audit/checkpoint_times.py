"""Check that every position is under a checkpoint two minutes after it was sealed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.audit.invariants import Violation
from events.envelope import format_time

SIGNED_WITHIN: Final = timedelta(minutes=2)


@dataclass(slots=True)
class LateRun:
    """Positions next to each other that were signed by one checkpoint too late, or by none; `signed_at` None."""

    first: int
    last: int
    sealed_at: datetime
    signed_at: datetime | None

    def violation(self) -> Violation:
        signed = "under no checkpoint" if self.signed_at is None else f"signed at {format_time(self.signed_at)}"
        where = f"position {self.first}" if self.first == self.last else f"positions {self.first} to {self.last}"
        return Violation(where, f"sealed at {format_time(self.sealed_at)}, {signed}")


@dataclass(slots=True)
class CheckpointTimes:
    """Compare positions, in order, with the checkpoint over each; `now`: when the checkpoints were read."""

    now: datetime
    run: LateRun | None = None

    def add(self, position: int, sealed_at: datetime, signed_at: datetime | None) -> Iterator[LateRun]:
        """Compare the next position; give a run of late ones once it has ended."""
        late = (signed_at or self.now) - sealed_at > SIGNED_WITHIN
        if late and self.run is not None and self.run.signed_at == signed_at and self.run.last == position - 1:
            self.run.last = position
            return
        yield from self.end()
        if late:
            self.run = LateRun(position, position, sealed_at, signed_at)

    def end(self) -> Iterator[LateRun]:
        """Give the run that is open."""
        if self.run is not None:
            yield self.run
            self.run = None
