"""Events of a developer's account, and given/when/then for its decisions."""

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.accounts.developer import Developer, fold, stream_of
from events.developer import (
    DEVELOPER,
    CorrectedUnits,
    DeveloperRegistered,
    KeyCreated,
    ProjectCreated,
    QuotaCorrected,
)
from events.envelope import Cause, RecordedEvent
from events.event import Event
from tests.builders.scenario import Given

ID = "dev-1"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

REGISTERED = DeveloperRegistered(tier="free_starter")
GARDEN = ProjectCreated(project="garden")
DEVELOPER_KEY = KeyCreated(key="key-1", project=None)
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


def folded(events: Sequence[Event]) -> Developer:
    stream, cause = stream_of(ID), Cause(actor="operator")
    developer = fold(
        RecordedEvent(stream, version, NOON, event, cause) for version, event in enumerate(events, start=1)
    )
    assert developer is not None
    return developer


def given(*events: Event) -> Given[Developer]:
    """Begin with the registration."""
    return Given((REGISTERED, *events), folded)
