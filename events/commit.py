"""A commit: all events of one decision, stored as one document of canonical bytes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from events.canonical_json import canonical_json
from events.envelope import Cause, RecordedEvent, from_cloudevent, read_json
from events.event import Event
from events.stream_fault import StreamFaultError


@dataclass(frozen=True, slots=True)
class Commit:
    """The events with versions `first` to `last` of a stream.

    idle: actors with nothing to do about it, as its writer knows; not stored.
    body: their canonical JSON (RFC 8785), which is stored and hashed.
    writer: random token of one append; a duplicate key is the append's own success only if the tokens match.
    """

    stream: str
    first: int
    events: tuple[RecordedEvent, ...]
    body: bytes
    writer: str
    idle: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def id(self) -> str:
        return f"{self.stream}:{self.first}"

    @property
    def last(self) -> int:
        return self.first + len(self.events) - 1


def commit_of(
    stream: str, expected_version: int, events: Sequence[Event], *, cause: Cause, time: datetime, writer: str
) -> Commit:
    """Make the commit that follows `expected_version` of a stream."""
    recorded = tuple(
        RecordedEvent(stream=stream, version=version, time=time, event=event, cause=cause)
        for version, event in enumerate(events, start=expected_version + 1)
    )
    body = canonical_json([event.to_cloudevent() for event in recorded])
    return Commit(stream=stream, first=expected_version + 1, events=recorded, body=body, writer=writer)


def commit_from(body: bytes, *, writer: str = "") -> Commit:
    """Read a stored body; ValueError when it is not a commit."""
    envelopes = read_json(body)
    if not isinstance(envelopes, list) or not envelopes:
        raise StreamFaultError("a commit must be a list of events")
    events = tuple([from_cloudevent(envelope) for envelope in envelopes])
    stream, first = events[0].stream, events[0].version
    for version, event in enumerate(events, first):
        if event.stream != stream or event.version != version:
            raise StreamFaultError(f"{events[0].id}: the events of a commit must follow each other in one stream")
    return Commit(stream, first, events, body, writer)


def leaf_hash(body: bytes) -> bytes:
    """Hash a body as a Merkle leaf (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + body).digest()
