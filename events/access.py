"""Events of stream `access-<reader>`: what operators and auditors read of the log."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime

from events.developer import GrantReason
from events.event import Event, OmittedIfNone
from events.event_type import EventType

AccessForm = Literal["connection", "export", "page_walk"]
"""A stream that stays open, a stream up to its end, or pages one after the other."""


class LogRead(Event, name="access.log_read"):
    """A reader began to read.

    developer, project, user, generation: the narrowest owner that was asked for with all that it belongs to; None
    covers all. event_type, recorded_from, recorded_before: filters; `filters` names all. query: keyed hash of the
    whole query without its position. grant, reason: what texts beside the log were shown for; without a grant none
    were. pictures: True for an export that has the stored pictures in it.
    """

    form: AccessForm
    developer: str | None
    project: str | None
    user: str | None
    generation: str | None
    event_type: str | None
    recorded_from: AwareDatetime | None
    recorded_before: AwareDatetime | None
    filters: tuple[str, ...]
    query: str
    grant: str | None
    reason: GrantReason | None
    pictures: Annotated[bool | None, OmittedIfNone] = None


ACCESS: Final = (
    EventType(
        sample=LogRead(
            form="page_walk",
            developer="dev-1",
            project="prj-1",
            user=None,
            generation=None,
            event_type="generation.failed",
            recorded_from=datetime(2026, 1, 1, tzinfo=UTC),
            recorded_before=datetime(2026, 1, 2, tzinfo=UTC),
            filters=("project_id", "recorded_before", "recorded_from", "type"),
            query="0" * 32,
            grant="grt-1",
            reason="incident",
        )
    ),
)
