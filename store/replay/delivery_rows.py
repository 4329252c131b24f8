import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING

from domain.audit.delivery_state import DeliveryHistory, KnownAttempt, evolve_deliveries
from domain.generation.generation import id_of, stream_of
from domain.webhooks.delivery import MOST_ATTEMPTS
from domain.webhooks.endpoint import default_endpoint, endpoint_of, is_default, stream_of_deliveries
from events.envelope import RecordedEvent
from events.generation import GenerationRequested
from store.commits.contract import EventStore
from store.commits.stream_walk import FoldedStream
from store.mongo.connection import Database, Document, raises_unavailable, reachable
from store.replay.read_model import MALFORMED, Difference, differences_of, incomparable

_MODEL: Final = "webhook_deliveries"
_BATCH: Final = 200
_UNENDED: Final = {"pending", "skipped"}
_MARGIN: Final = timedelta(hours=1)
"""An example is sent so long after it was made at most."""

_OF_EVENT: Final = ("type", "version", "event_time", "generation", "developer", "project", "user")

Events = Mapping[str, Sequence[RecordedEvent] | None]
"""The events of streams; None for a stream that cannot be read."""


class _Absent(NamedTuple):
    """A delivery that the log has attempts of, but no row."""

    id: str
    endpoint: str
    stream: str


@raises_unavailable
class DeliveryRows:
    """The rows of `webhook_deliveries`: which event each delivers, for whom, and what its attempts came to.

    A row is read before the log, which cannot be behind it. Rows expire, which is not before `webhook_retention` behind
    the first attempt, and are deleted with their endpoint or project: any other one that is missing is a difference.
    """

    def __init__(
        self,
        database: Database,
        events: EventStore,
        *,
        clock: Callable[[], datetime],
        webhook_retention: timedelta = timedelta(days=30),
        pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0.6),
    ) -> None:
        self._rows = database.get_collection(_MODEL)
        self._endpoints = database.get_collection("webhook_endpoints")
        self._projects = database.get_collection("projects")
        self._events = events
        self._clock = clock
        self._retention = webhook_retention
        self._pause = pause

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

    async def missing(self, streams: Sequence[FoldedStream]) -> list[Difference]:
        """Find the deliveries of these streams of attempts that have no row and should have one."""
        named = [_Absent(key, _endpoint_of(one, key), one.name) for one in streams for key in one.state]
        absent = await self._absent(named)
        absent = await self._unexpired(absent) if absent else []
        if absent:
            await self._pause()  # an endpoint may just be removed
            absent = await self._absent(absent)
        return [Difference(_MODEL, one.id, "_id", one.id, None, one.stream) for one in absent]

    async def _absent(self, deliveries: Sequence[_Absent]) -> list[_Absent]:
        """Choose the deliveries without a row whose endpoint and project exist."""
        if not deliveries:
            return []
        found = await self._rows.find({"_id": {"$in": [one.id for one in deliveries]}}, {"_id": 1}).to_list(None)
        known = {row["_id"] for row in found}
        absent = [one for one in deliveries if one.id not in known]
        kept = await self._kept({one.endpoint for one in absent}) if absent else ()
        return [one for one in absent if one.endpoint in kept]

    async def _unexpired(self, absent: Sequence[_Absent]) -> list[_Absent]:
        """Choose those of which the first attempt is so recent that the row cannot have expired."""
        after = self._clock() - self._retention + _MARGIN
        read = await self._events.since(dict.fromkeys((one.stream for one in absent), 0))
        events = [
            one
            for found in read.values()
            if not isinstance(found, Exception)
            for commit in found
            for one in commit.events
        ]
        first: dict[str, datetime] = {}
        for recorded in events:
            first.setdefault(getattr(recorded.event, "delivery", ""), recorded.time)
        return [one for one in absent if first.get(one.id, after) > after]

    async def _kept(self, endpoints: Collection[str]) -> Collection[str]:
        """Choose the endpoints whose rows are not to be deleted."""
        registered = await self._endpoints.find({"_id": {"$in": [*endpoints]}}, {"_id": 1}).to_list(None)
        projects = [one.removeprefix(default_endpoint("")) for one in endpoints if is_default(one)]
        query = {"_id": {"$in": projects}, "deleted_at": None}
        undeleted = await self._projects.find(query, {"_id": 1}).to_list(None)
        return {*(one["_id"] for one in registered), *(default_endpoint(one["_id"]) for one in undeleted)}

    async def _differences(self, rows: Sequence[Document]) -> list[Difference]:
        streams = {name for row in rows for name in (_stream(row), stream_of(str(row.get("generation"))))}
        read = await self._events.since(dict.fromkeys(streams, 0))
        events: Events = {
            name: None if isinstance(found, Exception) else [one for commit in found for one in commit.events]
            for name, found in read.items()
        }
        return [found for row in rows for found in _of_row(row, events)]


def _endpoint_of(deliveries: FoldedStream, key: str) -> str:
    """Read the endpoint from the name of a stream, which ends with the generation of the event."""
    generation = id_of(deliveries.state[key].event.rpartition(":")[0])
    return endpoint_of(deliveries.name).removesuffix(f"-{generation}")


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
    attempts, state = [*map(_attempt, row.get("attempts") or ())], row.get("state")
    unknown = [one for one in attempts if one not in history.attempts]
    found = [_difference(row, f"attempts.{one.number}", None, one._asdict()) for one in unknown]
    found += [
        _difference(row, f"attempts.{one.number}", one._asdict(), None)
        for one in _lacking(history, {one.number for one in attempts}, state)
    ]
    if (state == "delivered" and not history.delivered) or (state == "failed" and not history.exhausted):
        found.append(_difference(row, "state", _end_of(history), state))
    return found


def _lacking(history: DeliveryHistory, stored: Collection[int], state: object) -> Sequence[KnownAttempt]:
    """List the newest attempts of a history that a row lacks.

    The last one may be written to the log alone, when the process ended behind it; it is then made again.
    """
    by_number = {one.number: one for one in history.attempts}
    newest = [*by_number.values()][-MOST_ATTEMPTS:]
    if newest and state in _UNENDED and newest[-1].number not in stored:
        newest.pop()
    return [one for one in newest if one.number not in stored]


def _attempt(attempt: Document) -> KnownAttempt:
    return KnownAttempt(*(attempt.get(name) for name in KnownAttempt._fields))  # type: ignore[arg-type]


def _end_of(history: DeliveryHistory) -> str:
    return "delivered" if history.delivered else "failed" if history.exhausted else "pending"


def _difference(row: Document, field: str, log: Any, stored: Any) -> Difference:
    return Difference(_MODEL, row["_id"], field, log, stored, _stream(row))
