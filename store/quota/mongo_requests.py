from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pymongo import IndexModel, ReturnDocument, UpdateOne

from store.mongo.connection import Database, Document, Indexes, reachable
from store.quota.requests import Return

_KEPT = timedelta(days=3)
_REMEMBERED = 100  # returns of one developer and day: far more than can be on their way
_NEAR = 20


class MongoRequestCounts:
    """Counts in collection `requests`: `_id` = developer:day, `taken`, `returned`; gone three days later."""

    indexes: ClassVar[Indexes] = {"requests": [IndexModel("until", expireAfterSeconds=0)]}

    def __init__(self, database: Database) -> None:
        self._requests = database.get_collection("requests")

    async def take(self, developer: str, day: str, *, block: int, limit: int) -> tuple[int, int]:
        with reachable():
            document = await self._requests.find_one_and_update(
                {"_id": _key(developer, day)},
                _taking(day, block, limit),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return document["granted"], document["taken"]

    async def give_back(self, returns: Sequence[Return]) -> None:
        with reachable():
            await self._requests.bulk_write([_lowering(back) for back in returns], ordered=False)

    async def taken(self, developer: str, day: str) -> int:
        with reachable():
            document = await self._requests.find_one({"_id": _key(developer, day)}, {"taken": 1})
        return document["taken"] if document else 0


def _taking(day: str, block: int, limit: int) -> list[Document]:
    """Grant a block, a twentieth of what is left when that is less, and no more than is left."""
    taken: Document = {"$ifNull": ["$taken", 0]}
    left: Document = {"$max": [0, {"$subtract": [limit, taken]}]}
    share: Document = {"$max": [1, {"$floor": {"$divide": [left, _NEAR]}}]}
    granted: Document = {"$toInt": {"$min": [block, left, share]}}
    until = datetime.fromisoformat(day).replace(tzinfo=UTC) + _KEPT
    return [
        {"$set": {"granted": granted, "until": until}},
        {"$set": {"taken": {"$add": [taken, "$granted"]}}},
    ]


def _lowering(back: Return) -> UpdateOne:
    """Lower a count once, however often it is asked."""
    anew = {"_id": _key(back.developer, back.day), "returned": {"$ne": back.id}}
    noted = {"$each": [back.id], "$slice": -_REMEMBERED}
    return UpdateOne(anew, {"$inc": {"taken": -back.tokens}, "$push": {"returned": noted}})


def _key(developer: str, day: str) -> str:
    return f"{developer}:{day}"
