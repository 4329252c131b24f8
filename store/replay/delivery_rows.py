from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

from pymongo import ASCENDING

from domain.audit.delivery_state import DeliveryHistory, KnownAttempt, evolve_deliveries
from domain.generation.generation import stream_of
from domain.webhooks.endpoint import stream_of_deliveries
from events.envelope import RecordedEvent
from events.generation import GenerationRequested
from store.commits.contract import EventStore
from store.mongo.connection import Database, Document, raises_unavailable, reachable
from store.replay.read_model import MALFORMED, Difference, differences_of, incomparable

_MODEL: Final = "webhook_deliveries"
_BATCH: Final = 200
_OF_EVENT: Final = ("type", "version", "event_time", "generation", "developer", "project", "user")

Events = Mapping[str, Sequence[RecordedEvent] | None]
"""The events of streams; None for a stream that cannot be read."""


@raises_unavailable
class DeliveryRows:
    """The rows of `webhook_deliveries`: which event each delivers, for whom, and what its attempts came to.

    Rows expire and the log keeps all, so no row is missing. A row is read before the log, which cannot be behind it.
    """

    def __init__(self, database: Database, events: EventStore) -> None:
        self._rows = database.get_collection(_MODEL)
        self._events = events

    async def compare(self, only: Collection[str] | None = None) -> AsyncIterator[tuple[int, list[Difference]]]:
        """Compare all rows, or `only` those with these ids: the number of rows of a batch, and its differences."""
        query: Document = {} if only is None else {"_id": {"$in": [*only]}}
        batch: list[Document] = []
        with reachable():
            async for row in self._rows.find(query).sort("_id", ASCENDING):
                batch.append(row)
                if len(batch) == _BATCH:
                    yield len(batch), await self._differences(batch)
                    batch = []
        if batch:
            yield len(batch), await self._differences(batch)

    async def _differences(self, rows: Sequence[Document]) -> list[Difference]:
        streams = {name for row in rows for name in (_stream(row), stream_of(str(row.get("generation"))))}
        read = await self._events.since(dict.fromkeys(streams, 0))
        events: Events = {
            name: None if isinstance(found, Exception) else [one for commit in found for one in commit.events]
            for name, found in read.items()
        }
        return [found for row in rows for found in _of_row(row, events)]


def _stream(row: Document) -> str:
    return stream_of_deliveries(str(row.get("endpoint")), str(row.get("generation")))


def _of_row(row: Document, events: Events) -> list[Difference]:
    """Compare a row; one that is malformed is named."""
    try:
        return [*_of_event(row, events), *_of_attempts(row, events)]
    except MALFORMED as error:
        return [incomparable(_MODEL, str(row["_id"]), error, _stream(row))]


def _of_event(row: Document, events: Events) -> list[Difference]:
    """Compare a row with the event that it delivers; an example delivers none."""
    recorded = events[stream_of(str(row.get("generation")))]
    if row.get("example") or recorded is None:
        return []
    key, stream = row["_id"], _stream(row)
    event = next((one for one in recorded if one.id == row.get("event")), None)
    if event is None:
        return [Difference(_MODEL, key, "event", None, row.get("event"), stream)]
    first = recorded[0].event
    owner = first.owner.model_dump() if isinstance(first, GenerationRequested) else {}
    wanted = {
        "type": event.type,
        "version": event.version,
        "event_time": event.time,
        "generation": row.get("generation"),
        **owner,
    }
    return differences_of(_MODEL, key, wanted, {name: row.get(name) for name in _OF_EVENT}, stream)


def _of_attempts(row: Document, events: Events) -> list[Difference]:
    """Compare the attempts of a row, each of which the log has, and the end that they came to."""
    recorded = events[_stream(row)]
    if recorded is None:
        return []
    known: dict[str, DeliveryHistory] = {}
    for one in recorded:
        known = evolve_deliveries(known, one)
    history = known.get(row["_id"], DeliveryHistory(str(row.get("event"))))
    unknown = [one for one in map(_attempt, row.get("attempts") or ()) if one not in history.attempts]
    found = [_difference(row, f"attempts.{one[0]}", None, one._asdict()) for one in unknown]
    state = row.get("state")
    if (state == "delivered" and not history.delivered) or (state == "failed" and not history.exhausted):
        found.append(_difference(row, "state", _end_of(history), state))
    return found


def _attempt(attempt: Document) -> KnownAttempt:
    return KnownAttempt(*(attempt.get(name) for name in KnownAttempt._fields))  # type: ignore[arg-type]


def _end_of(history: DeliveryHistory) -> str:
    return "delivered" if history.delivered else "failed" if history.exhausted else "pending"


def _difference(row: Document, field: str, log: Any, stored: Any) -> Difference:
    return Difference(_MODEL, row["_id"], field, log, stored, _stream(row))
