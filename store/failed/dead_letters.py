from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from pymongo import ASCENDING, IndexModel

from events.envelope import RecordedEvent
from events.operation import FailedSource
from store.failed.failed_work import FailedWork
from store.mongo.connection import Database, Document, Indexes, raises_unavailable

KEPT_SECONDS: Final = 7 * 24 * 3600
"""As long as RabbitMQ keeps the message itself."""


@raises_unavailable
class DeadLetters:
    """Calls of actors that raised, in collection `dead_letters`: one document for a queue and an event.

    Most of them succeed at the next redelivery; the documents expire seven days after the last failure.
    """

    source: FailedSource = "dead_letter"
    indexes: ClassVar[Indexes] = {
        "dead_letters": [
            IndexModel("last_at", expireAfterSeconds=KEPT_SECONDS),
            IndexModel("request_id", partialFilterExpression={"request_id": {"$type": "string"}}),
            IndexModel("replay_at", partialFilterExpression={"replay_at": {"$type": "date"}}),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._letters = database.get_collection("dead_letters")

    async def record(self, queue: str, event: RecordedEvent, error: str) -> None:
        """Note another failure of an actor, with the `fault_name` of its exception."""
        new = {
            "queue": queue,
            "event": event.id,
            "stream": event.stream,
            "version": event.version,
            "request_id": event.cause.request_id,
            "discarded": None,
        }
        kept = {name: {"$ifNull": [f"${name}", {"$literal": value}]} for name, value in new.items()}
        changed: Document = {
            "first_at": {"$ifNull": ["$first_at", "$$NOW"]},
            "error": {"$literal": error},
            "failures": {"$add": [{"$ifNull": ["$failures", 0]}, 1]},
            "last_at": "$$NOW",
            "replay_at": "$$REMOVE",
        }
        await self._letters.update_one({"_id": id_of(queue, event)}, [{"$set": {**kept, **changed}}], upsert=True)

    async def count(self, *, most: int | None = None) -> int:
        """Count those that are not discarded, up to `most`."""
        limited: dict[str, Any] = {} if most is None else {"limit": most}
        return await self._letters.count_documents({"discarded": None}, **limited)

    async def settle(self, queue: str, event: RecordedEvent) -> None:
        """Delete what a replay has handled."""
        await self._letters.delete_one({"_id": id_of(queue, event)})

    async def unwanted(self, entry: str) -> None:
        """Take back the wish for a replay, which cannot be made."""
        await self._letters.update_one({"_id": entry}, {"$unset": {"replay_at": ""}})

    async def wanted(self, *, limit: int) -> Sequence[tuple[str, str, int]]:
        """List queue, stream and version of the calls that are to be made again, the first wanted first."""
        found = self._letters.find({"replay_at": {"$type": "date"}, "discarded": None}).sort("replay_at", ASCENDING)
        return [(one["queue"], one["stream"], one["version"]) for one in await found.limit(limit).to_list(limit)]

    async def page(
        self, *, limit: int, after: str | None = None, handler: str | None = None, discarded: bool = False
    ) -> Sequence[FailedWork]:
        query: Document = {"discarded": {"$ne": None} if discarded else None}
        query |= {"_id": {"$gt": after}} if after else {}
        query |= {"queue": handler} if handler else {}
        return await self._read(query, limit)

    async def choose(self, ids: Sequence[str]) -> Sequence[FailedWork]:
        return await self._read({"_id": {"$in": list(ids)}, "discarded": None}, len(ids))

    async def get(self, entry: str) -> FailedWork | None:
        return next(iter(await self._read({"_id": entry}, 1)), None)

    async def of_request(self, request_id: str, *, limit: int) -> Sequence[FailedWork]:
        """Read the failed calls for events of a request."""
        return await self._read({"request_id": request_id}, limit)

    async def replay(self, ids: Sequence[str]) -> None:
        await self._letters.update_many(
            {"_id": {"$in": list(ids)}, "discarded": None}, [{"$set": {"replay_at": "$$NOW"}}]
        )

    async def discard(self, ids: Sequence[str], event: str) -> None:
        await self._letters.update_many(
            {"_id": {"$in": list(ids)}, "discarded": None}, {"$set": {"discarded": event}, "$unset": {"replay_at": ""}}
        )

    async def _read(self, query: Document, limit: int) -> Sequence[FailedWork]:
        found = self._letters.find(query).sort("_id", ASCENDING).limit(limit)
        return [_entry(document) for document in await found.to_list(limit)]


def id_of(queue: str, event: RecordedEvent) -> str:
    return f"{queue}:{event.id}"


def _entry(document: Document) -> FailedWork:
    wanted: datetime | None = document.get("replay_at")
    named: dict[str, Any] = {"request_id": document["request_id"], "discarded": document["discarded"]}
    return FailedWork(
        id=document["_id"],
        handler=document["queue"],
        commit=document["event"],
        error=document["error"],
        tries=document["failures"],
        since=document["first_at"],
        last_at=document["last_at"],
        next_try_at=wanted,
        **named,
    )
