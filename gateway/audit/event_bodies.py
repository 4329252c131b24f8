"""The complete envelope of an event, as readers of the log get it."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from domain.audit.event_filter import EventFilter
from domain.audit.terms import OWNERS, owner_among
from domain.generation.generation import id_of
from events.envelope import RecordedEvent, format_time
from events.generation import GenerationRequested
from store.audit.audit_entries import AuditEntry
from store.generations.personal_data import PersonalData, PersonalDataStore

MASKED: Final = {"state": "masked"}
ERASED: Final = {"state": "erased"}
DAMAGED: Final = {"state": "damaged"}

Body = dict[str, Any]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBodies:
    """Write the events of commits; personal data only when they are to be shown."""

    personal_data: PersonalDataStore

    async def write(self, entry: AuditEntry, wanted: EventFilter, *, personal_data: bool) -> Sequence[Body]:
        """Write the wanted events of a commit; one body that says so for a commit that is damaged.

        None of a commit whose events are not wanted although somebody has made it be found; none of its content is
        shown to a developer if nothing tells whose it is.
        """
        commit = _commit_body(entry)
        if not wanted.finds(entry.terms):
            return []
        if entry.commit is None or (wanted.developer is not None and not entry.owner_known):
            return [{**commit, "damaged": True}]
        hashed = {"body_hash": hashlib.sha256(entry.commit.body).hexdigest(), "owner": _owner_of(entry)}
        events = [event for event in entry.commit.events if wanted.shows(event)]
        personal = await asyncio.gather(*(self._personal_data(event, show=personal_data) for event in events))
        return [
            {**commit, **_event_body(event), **hashed, "personal_data": shown}
            for event, shown in zip(events, personal, strict=True)
        ]

    async def _personal_data(self, recorded: RecordedEvent, *, show: bool) -> Body | None:
        event = recorded.event
        if not isinstance(event, GenerationRequested):
            return None
        if not show:
            return MASKED
        try:
            found = await self.personal_data.get(id_of(recorded.stream), event.personal_data)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            log.critical("personal_data_damaged", generation_id=id_of(recorded.stream), error=type(error).__name__)
            return DAMAGED
        return ERASED if found is None else _shown(found)


def _shown(found: PersonalData) -> Body:
    return {
        "state": "shown",
        "instructions": found.instructions,
        "metadata": found.metadata,
        "file_names": found.file_names,
        "webhook": found.webhook,
    }


def _commit_body(entry: AuditEntry) -> Body:
    return {
        "position": entry.position,
        "recorded_at": entry.sealed_at and format_time(entry.sealed_at),
        "commit": entry.name,
        "leaf": base64.b64encode(entry.leaf).decode(),
    }


def _event_body(recorded: RecordedEvent) -> Body:
    cause = recorded.cause
    return {
        "id": recorded.id,
        "stream": recorded.stream,
        "version": recorded.version,
        "type": recorded.type,
        "schema_version": recorded.event.schema_version,
        "occurred_at": format_time(recorded.time),
        "actor": cause.actor,
        "cause": cause.causation_id,
        "correlation_id": cause.correlation_id,
        "request_id": cause.request_id,
        "traceparent": cause.traceparent,
        "data": recorded.event.model_dump(mode="json"),
    }


def _owner_of(entry: AuditEntry) -> Body:
    """Name the developer, project and user that a commit belongs to, as far as it does."""
    return {**dict.fromkeys(OWNERS), **owner_among(entry.terms)}
