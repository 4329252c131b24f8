"""The CloudEvents 1.0 envelope of a recorded event."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from events.catalogue import CATALOGUE
from events.event import Event, schema_uri
from events.stream_fault import StreamFaultError

SOURCE = "urn:exemplar"
PROVIDER = "provider"
"""The actor of what the provider reports by callback."""
_CAUSES = ("requestid", "correlationid", "causationid", "traceparent")  # in the order of `Cause`
_TEXT_OR_NONE = {str, type(None)}
_HIDDEN_MEMBERS = ("actor", "causationid", "dataschema")


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to an event; nothing that a client writes freely.

    actor: `user:<id>`, `actor:<name>`, `provider` or `operator`.
    request_id: id of the HTTP request; correlation_id: the stream in which the chain of events began.
    causation_id: id of the event that an actor reacted to; traceparent: W3C Trace Context.
    """

    actor: str
    request_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event in its stream; `version`: number in the stream, from 1."""

    stream: str
    version: int
    time: datetime
    event: Event
    cause: Cause

    @property
    def id(self) -> str:
        return f"{self.stream}:{self.version}"

    @property
    def type(self) -> str:
        return self.event.type

    def to_cloudevent(self) -> dict[str, Any]:
        """Write the structured JSON form; extensions without a value are omitted."""
        extensions = {
            "actor": self.cause.actor,
            "requestid": self.cause.request_id,
            "correlationid": self.cause.correlation_id,
            "causationid": self.cause.causation_id,
            "traceparent": self.cause.traceparent,
        }
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": self.type,
            "subject": self.stream,
            "time": format_time(self.time),
            "datacontenttype": "application/json",
            "dataschema": schema_uri(self.type, self.event.schema_version),
            "data": self.event.model_dump(mode="json"),
            "stream": self.stream,
            "version": self.version,
            **{name: value for name, value in extensions.items() if value is not None},
        }


def read_json(body: bytes) -> Any:
    """Parse the JSON of an event; ValueError also for endless nesting and for half of a surrogate pair."""
    return from_json(body)


def from_cloudevent(envelope: Any) -> RecordedEvent:
    """Read the structured JSON form; ValueError when it is invalid or its schema is unknown."""
    try:
        return _read(envelope)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise StreamFaultError(f"no recorded event ({type(error).__name__})") from error


def _read(envelope: Any) -> RecordedEvent:
    stream, version, actor = envelope["stream"], envelope["version"], envelope["actor"]
    causes = [*map(envelope.get, _CAUSES)]
    if type(version) is not int or version < 1 or type(stream) is not str or type(actor) is not str:
        raise StreamFaultError("no recorded event: its stream, version or actor is of another kind")
    if not {*map(type, causes)} <= _TEXT_OR_NONE:
        raise StreamFaultError("no recorded event: an id in it is no text")
    event = CATALOGUE.read(envelope["type"], envelope["dataschema"], envelope["data"])
    return RecordedEvent(stream, version, parse_time(envelope["time"]), event, Cause(actor, *causes))


def visible(recorded: RecordedEvent) -> dict[str, Any] | None:
    """Write the envelope that the owner of a generation may see; None for an event that is not shown."""
    row = CATALOGUE.get(recorded.type)
    if row is None or row.public is None:
        return None
    envelope = recorded.to_cloudevent()
    for member in _HIDDEN_MEMBERS:
        envelope.pop(member, None)
    return {**envelope, "data": row.public(recorded.event)}


def format_time(time: datetime) -> str:
    """Format a time as RFC 3339 in UTC with microseconds."""
    moment = time if time.tzinfo is UTC else time.astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"


def parse_time(text: str) -> datetime:
    """Parse RFC 3339 into an aware UTC datetime."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is UTC else time.astimezone(UTC)
