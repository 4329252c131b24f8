import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError

from domain.generation.generation import State
from domain.generation.lifecycle import UNSENT
from store.errors import WriteRefusedError
from store.generations.projection import ALWAYS, Row
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, only_duplicates, raises_unavailable, reachable
from store.mongo.write_command import PRIMARY_ALONE, run_write

_FIELDS = tuple(field.name for field in fields(Row) if field.name != "id")
_DUE = "due"
_UNCHARGED = "uncharged"
_OPEN: Document = {"due_at": {"$gt": ALWAYS}}  # of every generation that something is left to do for
_TOGETHER_S = 0.1
_UNFINISHED = {"$in": ["pending", "processing"]}


@raises_unavailable
class MongoProjection:
    """Rows in collection `generations`, or in the one of a rebuild."""

    indexes: ClassVar[Indexes] = {
        "generations": [
            IndexModel([(name, ASCENDING) for name in names], name=index, partialFilterExpression=_OPEN)
            for index, *names in (
                (_DUE, "state", "_id", "due_at"),
                ("start", "state", "start_by"),
                ("finish", "status", "finish_by"),
            )
        ]
        + [
            IndexModel(
                [("unresolved_since", ASCENDING)],
                name="unresolved",
                partialFilterExpression={"unresolved_since": {"$gt": ALWAYS}},
            ),
            IndexModel(
                [("developer", ASCENDING), ("period", ASCENDING)],
                name=_UNCHARGED,
                partialFilterExpression={"uncharged": True},
            ),
        ]
    }

    def __init__(self, database: Database, rows: str = "generations") -> None:
        self._database = database
        self._rows = database.get_collection(rows)
        majority = self._rows.write_concern.document
        self._writes: Batcher[Row, None] = Batcher(partial(self._upsert_all, majority))
        self._later: Batcher[Row, None] = Batcher(partial(self._upsert_all, PRIMARY_ALONE), apart=_TOGETHER_S)

    async def write(self, rows: Sequence[Row]) -> None:
        await asyncio.gather(*(self._writes.put(row) for row in rows))

    async def write_soon(self, rows: Sequence[Row]) -> None:
        await asyncio.gather(*(self._later.put(row) for row in rows))

    async def _upsert_all(self, concern: Document, rows: Sequence[Row]) -> Sequence[Exception | None]:
        """Write rows with one command; one by one where MongoDB refuses a row, which is no fault of the others."""
        try:
            await self._upsert(concern, rows)
        except WriteRefusedError as error:
            if len(rows) == 1:
                return [error]
            alone = await asyncio.gather(*(self._upsert_all(concern, [row]) for row in rows))
            return [answer for [answer] in alone]
        return [None] * len(rows)

    async def _upsert(self, concern: Document, rows: Sequence[Row]) -> None:
        refused = await self._update(concern, [_newer(row, upsert=True) for row in rows])
        if refused:
            # The stored row is as new or newer, or a concurrent writer inserted an older one: compare again.
            await self._update(concern, [_newer(rows[index], upsert=False) for index in refused])

    async def _update(self, concern: Document, updates: Sequence[Document]) -> Sequence[int]:
        """Run updates as one command; return the numbers of those that found a key taken."""
        command = {"update": self._rows.name, "updates": [*updates], "ordered": False}
        answer = await run_write(self._database, command, concern)
        return [fault["index"] for fault in answer.get("writeErrors", ())]

    async def versions(self, ids: Sequence[str]) -> dict[str, int]:
        found = await self._rows.find({"_id": {"$in": list(ids)}}, {"version": 1}).to_list(None)
        return {document["_id"]: document["version"] for document in found}

    async def is_due(self, now: datetime) -> bool:
        query = {"state": {"$in": [*State]}, "due_at": {"$gt": ALWAYS, "$lte": now}}
        return await self._rows.find_one(query, {"_id": 1}, hint=_DUE) is not None

    async def due_at(self, states: Sequence[str], rank: int) -> datetime | None:
        query = {"state": {"$in": list(states)}, "due_at": {"$gt": ALWAYS}}
        found = self._rows.find(query, {"_id": 0, "due_at": 1}, hint=_DUE).sort("due_at", DESCENDING)
        rows = await found.skip(rank - 1).limit(1).to_list(1)
        return rows[0]["due_at"] if rows else None

    async def due(
        self,
        until: Mapping[str, datetime],
        *,
        after: str,
        limit: int,
        canceling: bool = False,
        since: datetime = ALWAYS,
    ) -> Sequence[Row]:
        states = defaultdict[datetime, list[str]](list)
        for state, moment in until.items():
            states[moment].append(state)
        within = [{"state": {"$in": one}, "due_at": {"$gt": since, "$lte": moment}} for moment, one in states.items()]
        query: Document = {**(within[0] if len(within) == 1 else {"$or": within}), "_id": {"$gt": after}}
        if canceling:
            query["cancel_requested"] = True
        found = self._rows.find(query).sort("_id", ASCENDING).limit(limit)
        return [row_from(document) for document in await found.to_list(limit)]

    async def unresolved(self, since: datetime, *, limit: int, after: str = "") -> Sequence[Row]:
        query = {"unresolved_since": {"$gt": max(since, ALWAYS)}, "_id": {"$gt": after}}
        found = self._rows.find(query, hint="unresolved").sort("_id", ASCENDING).limit(limit)
        return [row_from(document) for document in await found.to_list(limit)]

    async def uncharged(self, developer: str, period: str) -> int:
        query = {"developer": developer, "period": period, "uncharged": True}
        return await self._rows.count_documents(query, hint=_UNCHARGED)

    async def finished_before(self, moment: datetime, ids: Sequence[str]) -> Sequence[str]:
        query = {"_id": {"$in": list(ids)}, "finished_at": {"$lt": moment}}
        return [document["_id"] for document in await self._rows.find(query, {"_id": 1}).to_list(None)]

    async def delete_labels(self, ids: Sequence[str]) -> None:
        await self._rows.update_many({"_id": {"$in": list(ids)}}, {"$set": {"labels": []}})

    async def expired(self, now: datetime, *, limit: int, excluding: Collection[str] = ()) -> Sequence[Row]:
        others: Document = {"_id": {"$nin": list(excluding)}} if excluding else {}
        unsent = {**_OPEN, **others, "state": {"$in": [state.value for state in UNSENT]}, "start_by": {"$lte": now}}
        unfinished = {**_OPEN, **others, "status": _UNFINISHED, "finish_by": {"$lte": now}}
        # With an index for each: for both together the planner may read every row that waits.
        late = await self._rows.find(unsent).hint("start").limit(limit).to_list(limit)
        late += await self._rows.find(unfinished).hint("finish").limit(limit).to_list(limit)
        return list({document["_id"]: row_from(document) for document in late}.values())[:limit]

    async def count(self) -> int:
        """Count the rows."""
        return await self._rows.count_documents({})

    async def ids(self) -> AsyncIterator[str]:
        """Read the id of every row, in order."""
        with reachable():
            async for document in self._rows.find({}, {"_id": 1}).sort("_id", ASCENDING):
                yield document["_id"]

    async def stored(self, ids: Sequence[str]) -> dict[str, Document]:
        """Read rows as stored, by id, to compare them with a rebuild."""
        found = await self._rows.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {document["_id"]: document for document in found}

    async def replace(self, rows: Sequence[Row], seen: Mapping[str, Document]) -> None:
        """Replace each row that is still as it was `seen`."""
        if not rows:
            return
        writes = [
            ReplaceOne({"_id": row.id, "version": seen[row.id].get("version")}, row.as_document())
            if row.id in seen
            else InsertOne(row.as_document())
            for row in rows
        ]
        try:
            await self._rows.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise

    async def remove(self, ids: Sequence[str]) -> None:
        """Delete rows that have no stream."""
        await self._rows.delete_many({"_id": {"$in": list(ids)}})


def _newer(row: Row, *, upsert: bool) -> Document:
    values = row.as_document()
    key = values.pop("_id")
    return {"q": {"_id": key, "version": {"$lt": row.version}}, "u": {"$set": values}, "upsert": upsert}


def row_from(document: Document) -> Row:
    """Read a row; another version of the code may have written other fields."""
    known: dict[str, Any] = {name: document.get(name) for name in _FIELDS}
    return Row(**{**known, "id": document["_id"], "labels": tuple(document.get("labels") or ())})
