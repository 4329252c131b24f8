"""The event types of stream `developer-<id>`."""

from typing import Final

from events.developer import (
    CorrectedUnits,
    DeveloperPasswordChanged,
    DeveloperPasswordReset,
    DeveloperRegistered,
    DeveloperTierChanged,
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
from events.event_type import EventType

DEVELOPER: Final = (
    EventType(sample=DeveloperRegistered(tier="free_starter")),
    EventType(sample=DeveloperTierChanged(previous="free_starter", tier="cloud_starter")),
    EventType(sample=DeveloperPasswordReset()),
    EventType(sample=DeveloperPasswordChanged()),
    EventType(sample=ProjectCreated(project="prj-1")),
    EventType(sample=ProjectRenamed(project="prj-1")),
    EventType(sample=ProjectDeleted(project="prj-1")),
    EventType(sample=ProjectErased(project="prj-1")),
    EventType(sample=KeyCreated(key="key-1", project="prj-1")),
    EventType(sample=KeyRevoked(key="key-1")),
    EventType(
        sample=QuotaCorrected(
            correction="cor-1",
            reason="recount",
            units=(CorrectedUnits(period="2026-01", before=5, after=4),),
            taken=(),
            freed=("gen-1",),
        )
    ),
    EventType(sample=UserRegistered(project="prj-1", user="usr-1")),
    EventType(sample=UserPasswordReset(project="prj-1", user="usr-1")),
    EventType(sample=UserPasswordChanged(project="prj-1", user="usr-1")),
    EventType(sample=UserDeleted(project="prj-1", user="usr-1")),
    EventType(sample=UserErased(project="prj-1", user="usr-1")),
)
