"""Inserting what an owner may have only so many of.

They take a numbered slot, unique for its owner, always the smallest free one. Two who insert at
the same time want the same slot, so one of them loses and counts again: no transaction is needed.
"""

from typing import Any

from pymongo.errors import DuplicateKeyError

from store.errors import AlreadyExistsError, StoreError
from store.mongo.connection import Document, reachable


class LimitReachedError(StoreError):
    """The owner has as many as allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the limit of {limit} is reached")
        self.limit = limit


async def insert_in_slot(collection: Any, document: Document, *, owner: Document, limit: int | None) -> None:
    """Insert one of at most `limit` documents with the fields `owner`; `LimitReachedError` when full."""
    while True:
        taken = await _taken_slots(collection, document["_id"], owner)
        if limit is not None and len(taken) >= limit:
            raise LimitReachedError(limit)
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        if await _insert_at(collection, {**document, "slot": slot}):
            return


async def _taken_slots(collection: Any, new_id: str, owner: Document) -> set[int]:
    query = {"$or": [{**owner, "slot": {"$exists": True}}, {"_id": new_id}]}
    with reachable():
        kept = await collection.find(query, {"slot": 1}).to_list(None)
    if any(document["_id"] == new_id for document in kept):
        raise AlreadyExistsError(new_id)
    return {document["slot"] for document in kept}


async def _insert_at(collection: Any, document: Document) -> bool:
    """Insert; False when somebody took the slot."""
    with reachable():
        try:
            await collection.insert_one(document)
        except DuplicateKeyError as error:
            if "slot" in (error.details or {}).get("keyPattern", {}):
                return False
            raise AlreadyExistsError(document["_id"]) from None
    return True
