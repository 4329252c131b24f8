"""Which events of the sealed log a reader asks for, and which positions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from domain.audit.terms import term
from domain.generation.generation import stream_of
from events.envelope import RecordedEvent

_BY_SELECTIVITY: Final = ("request_id", "correlation_id", "user", "actor", "project", "developer", "type")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Conditions that all hold; a generation's events are those of its own stream."""

    type: str | None = None
    generation: str | None = None
    developer: str | None = None
    project: str | None = None
    user: str | None = None
    actor: str | None = None
    correlation_id: str | None = None
    request_id: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Name the conditions, in alphabetical order."""
        return tuple(sorted(one.name for one in fields(self) if getattr(self, one.name) is not None))

    @property
    def stream(self) -> str | None:
        return None if self.generation is None else stream_of(self.generation)

    @property
    def terms(self) -> Sequence[str]:
        """List the terms that all commits in question have, the rarest first."""
        given = {name: getattr(self, name) for name in _BY_SELECTIVITY}
        named = [term(name, value) for name, value in given.items() if value is not None]
        return named if self.stream is None else [term("correlation_id", self.stream), *named]

    def finds(self, terms: Sequence[str]) -> bool:
        """Tell whether a commit with these terms is in question."""
        return {*self.terms} <= {*terms}

    def shows(self, event: RecordedEvent) -> bool:
        """Tell whether an event of such a commit is asked for: its events differ in their types alone."""
        return self.type in (None, event.type)


@dataclass(frozen=True, slots=True)
class PositionRange:
    """Positions from `first` to `last`; `closed`: no commit is ever added to them."""

    first: int
    last: int
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The positions and times between which a reader asks, as they were sent."""

    after: int | None = None
    before: int | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None


def range_of(bounds: Bounds, head: int, *, first_at: int | None, last_at: int | None) -> PositionRange:
    """Return the positions between bounds in a log that ends at `head`; `before` is at most one behind the head.

    first_at, last_at: the first positions that were recorded at `recorded_from` or later, and at
    `recorded_before` or later; one behind the head where there is none yet.
    """
    first = max((bounds.after or 0) + 1, first_at or 1)
    ends = [end for end in (bounds.before, last_at) if end is not None]
    last = min([head, *(end - 1 for end in ends)])
    closed = bounds.before is not None or (last_at is not None and last_at <= head)
    return PositionRange(first, last, closed)
