"""The event types of stream `developer-<id>`."""

from typing import Final

from events.developer import (
    CorrectedUnits,
    DeveloperPasswordChanged,
    DeveloperPasswordReset,
    DeveloperRegistered,
    DeveloperTierChanged,
    DraftWithdrawn,
    KeyCreated,
    KeyRevoked,
    ProjectCreated,
    ProjectDeleted,
    ProjectErased,
    ProjectRenamed,
    QuotaCorrected,
    UserDeleted,
    UserErased,
    UserPasswordChanged,
    UserPasswordReset,
    UserRegistered,
)
from events.event import Event
from events.event_type import EventType


def _row(sample: Event) -> EventType:
    return EventType(sample=sample, subscribers=("accounts",))


DEVELOPER: Final = (
    _row(DeveloperRegistered(tier="free_starter")),
    _row(DeveloperTierChanged(previous="free_starter", tier="cloud_starter")),
    _row(DeveloperPasswordReset(change="chg-1")),
    _row(DeveloperPasswordChanged(change="chg-2")),
    _row(DraftWithdrawn(kind="users", draft="usr-2", change=None)),
    _row(ProjectCreated(project="prj-1")),
    _row(ProjectRenamed(project="prj-1", change="chg-3")),
    _row(ProjectDeleted(project="prj-1")),
    _row(ProjectErased(project="prj-1")),
    _row(KeyCreated(key="key-1", project="prj-1")),
    _row(KeyRevoked(key="key-1")),
    _row(
        QuotaCorrected(
            correction="cor-1",
            reason="recount",
            units=(CorrectedUnits(period="2026-01", before=5, after=4),),
            taken=(),
            freed=("gen-1",),
        )
    ),
    _row(UserRegistered(project="prj-1", user="usr-1")),
    _row(UserPasswordReset(project="prj-1", user="usr-1", change="chg-4")),
    _row(UserPasswordChanged(project="prj-1", user="usr-1", change="chg-5")),
    _row(UserDeleted(project="prj-1", user="usr-1")),
    _row(UserErased(project="prj-1", user="usr-1")),
)
