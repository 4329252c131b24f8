from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pymongo import IndexModel, ReturnDocument, UpdateOne

from store.mongo.connection import Database, Document, Indexes, raises_unavailable

_KEPT = timedelta(days=3)
_RETURNS_KEPT = 100  # of one developer and day: far more than can be in flight
_NEAR = 20


@dataclass(frozen=True, slots=True)
class TokenReturn:
    """Reserved requests that were not spent; `id` makes a repeated return harmless."""

    id: str
    developer: str
    day: str
    tokens: int


@raises_unavailable
class RequestCounts:
    """Counts in collection `requests`, one document for each developer and day; kept for three days."""

    indexes: ClassVar[Indexes] = {"requests": [IndexModel("until", expireAfterSeconds=0)]}

    def __init__(self, database: Database) -> None:
        self._requests = database.get_collection("requests")

    async def take(self, developer: str, day: str, *, block: int, limit: int) -> tuple[int, int]:
        """Reserve a block, or less near the limit; return the number reserved and all that are taken."""
        document = await self._requests.find_one_and_update(
            {"_id": _key(developer, day)},
            _taking(day, block, limit),
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return document["granted"], document["taken"]

    async def give_back(self, returns: Sequence[TokenReturn]) -> None:
        """Lower the counts by what was reserved and not spent; repeatable."""
        await self._requests.bulk_write([_lowering(back) for back in returns], ordered=False)

    async def taken(self, developer: str, day: str) -> int:
        """Read the number of requests that are reserved or spent."""
        document = await self._requests.find_one({"_id": _key(developer, day)}, {"taken": 1})
        return document["taken"] if document else 0


def _taking(day: str, block: int, limit: int) -> list[Document]:
    """Grant a block; near the limit a twentieth of what is left, and never more than is left."""
    taken: Document = {"$ifNull": ["$taken", 0]}
    left: Document = {"$max": [0, {"$subtract": [limit, taken]}]}
    share: Document = {"$max": [1, {"$floor": {"$divide": [left, _NEAR]}}]}
    granted: Document = {"$toInt": {"$min": [block, left, share]}}
    until = datetime.fromisoformat(day).replace(tzinfo=UTC) + _KEPT
    return [
        {"$set": {"granted": granted, "until": until}},
        {"$set": {"taken": {"$add": [taken, "$granted"]}}},
    ]


def _lowering(returned: TokenReturn) -> UpdateOne:
    """Lower a count; repeating a return changes nothing."""
    key = _key(returned.developer, returned.day)
    kept = {"$each": [returned.id], "$slice": -_RETURNS_KEPT}
    return UpdateOne(
        {"_id": key, "returned": {"$ne": returned.id}},
        {"$inc": {"taken": -returned.tokens}, "$push": {"returned": kept}},
    )


def _key(developer: str, day: str) -> str:
    return f"{developer}:{day}"
