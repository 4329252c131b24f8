"""given(facts).when(decision).then(facts), for the rules of a developer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.accounts.developer import Developer, fold, stream_of
from events.developer import (
    CorrectedUnits,
    DeveloperRegistered,
    KeyCreated,
    ProjectCreated,
    QuotaCorrected,
)
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.rows.developer import DEVELOPER

ID = "dev-1"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

REGISTERED = DeveloperRegistered(tier="free_starter")
GARDEN = ProjectCreated(project="garden")
HIS_KEY = KeyCreated(key="key-1", project=None)
GARDEN_KEY = KeyCreated(key="key-2", project="garden")

CORRECTED = QuotaCorrected(
    correction="cor-1",
    reason="recount",
    units=(CorrectedUnits(period="2026-11", before=5, after=4),),
    taken=(),
    freed=("gen-1",),
)

ONE_OF_EACH: tuple[Event, ...] = tuple(row.sample for row in DEVELOPER)
"""A sample of every event type of a developer."""


def folded(events: Sequence[Event], start: Developer | None = None) -> Developer | None:
    first = start.version + 1 if start else 1
    recorded = (
        RecordedEvent(stream_of(ID), version, NOON, event, Cause(actor="operator"))
        for version, event in enumerate(events, start=first)
    )
    return fold(recorded, start)


@dataclass(frozen=True)
class Given:
    """Facts that are in the log already."""

    events: tuple[Event, ...]

    @property
    def developer(self) -> Developer:
        found = folded(self.events)
        assert found is not None
        return found

    def when(self, decision: Callable[[Developer], Sequence[Event]]) -> tuple[Event, ...]:
        """Decide, check that the state takes it, and return what was decided."""
        decided = tuple(decision(self.developer))
        after = folded(decided, self.developer)
        assert after is not None
        assert after.version == self.developer.version + len(decided)
        return decided


def given(*events: Event) -> Given:
    return Given((REGISTERED, *events))
