import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING

from store.audit.commit_check import CheckedCommit, check_batch
from store.audit.stored_form import LENIENT, documents_in
from store.mongo.connection import Database, raises_unavailable, reachable
from store.mongo.routing import is_routed

BATCH: Final = 1000
"""Documents that are read at once: larger batches leave the processor's cache before they are used."""


@raises_unavailable
class CommitScan:
    """Read every commit and every position as stored."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._client = database.client

    def is_routed(self) -> bool:
        """Tell whether a router of shards answers, so that commits have another order in each query."""
        return is_routed(self._client)

    async def positions(self, after: int, last: int) -> AsyncGenerator[bytes, None]:
        """Read the sealed log behind a position, up to another one, in batches of raw documents.

        From the beginning on, what has an id that is no position is read, too.
        """
        within = {"$gt": after, "$lte": last} if after else {"$not": {"$gt": last}}
        found = self._log.find_raw_batches({"_id": within}, batch_size=BATCH)
        async with aclosing(_ahead(found.sort("_id", ASCENDING))) as batches:
            async for batch in batches:
                yield batch

    async def commits(self, skip: int = 0, limit: int = 0) -> AsyncGenerator[bytes, None]:
        """Read the commits that exist now, roughly in the order of writing, in batches of raw documents.

        skip: leave out so many; limit: read so many, 0: all.
        """
        found = self._commits.find_raw_batches({}, batch_size=BATCH, skip=skip, limit=limit)
        async with aclosing(_ahead(found)) as batches:
            async for batch in batches:
                yield batch

    async def named(self, names: Sequence[str]) -> list[bytes]:
        """Read commits by their ids, as raw documents."""
        found = self._commits.find_raw_batches({"_id": {"$in": [*names]}})
        return [document async for batch in found for document in documents_in(batch)]

    async def sealed_at(self, position: int) -> object:
        """Read the time of sealing beside a position, without a zone; None where there is none."""
        log = self._log.with_options(codec_options=LENIENT)
        entry = await log.find_one({"_id": position}, {"sealed_at": 1})
        return None if entry is None else entry.get("sealed_at")

    async def sealed(self, commit_ids: Sequence[str]) -> dict[str, int]:
        """Map the commits that have a position by now to it."""
        query = {"commit": {"$in": list(commit_ids)}, "_id": {"$gt": 0}}
        entries = await self._log.find(query, {"commit": 1}).to_list(None)
        return {entry["commit"]: entry["_id"] for entry in entries if isinstance(entry["commit"], str)}

    async def repeated(self, head: int) -> int | None:
        """Find the first position up to `head` whose commit has an earlier one, too; None if there is none."""
        found, commit, position = None, None, 0
        within = self._log.find({"_id": {"$gt": 0, "$lte": head}}, {"commit": 1}, allow_disk_use=True)
        async for entry in within.sort("commit", ASCENDING):
            if entry["commit"] == commit:
                later = max(position, entry["_id"])
                found = later if found is None else min(found, later)
            commit, position = entry["commit"], entry["_id"]
        return found

    async def sealed_before(self, moment: datetime, *, after: int) -> tuple[int, int, datetime] | None:
        """Find the first and the last position behind another that were sealed before a moment, and when the first."""
        found = []
        for order in (ASCENDING, DESCENDING):
            query = {"_id": {"$gt": after}, "sealed_at": {"$lt": moment}}
            if (entry := await self._log.find_one(query, {"sealed_at": 1}, sort=[("_id", order)])) is None:
                return None
            found.append(entry)
        return found[0]["_id"], found[1]["_id"], found[0]["sealed_at"]

    async def earlier(self, names: Sequence[str], before: int) -> Mapping[str, CheckedCommit]:
        """Check commits once more: those that were sealed before a position, and are sound."""
        checked = {commit[0]: commit for one in await self.named(names) for commit in check_batch(one)}
        sealed = {"commit": {"$in": [*checked]}, "_id": {"$lt": before}}
        entries = await self._log.find(sealed, {"commit": 1, "leaf": 1}).to_list(None)
        leaves = {entry["commit"]: entry.get("leaf") for entry in entries}
        return {name: commit for name, commit in checked.items() if commit[6] is None and commit[3] == leaves.get(name)}

    async def last_up_to(self, stream: str, version: int) -> str | None:
        """Name the last commit of a stream that begins with a version, or before it."""
        query = {"stream": stream, "first": {"$lte": version}}
        found = await self._commits.find_one(query, {"_id": 1}, sort=[("first", DESCENDING)])
        return None if found is None else str(found["_id"])


async def _ahead(cursor: Any) -> AsyncGenerator[bytes, None]:
    """Read each raw batch of a cursor while the one before it is used."""
    batches: AsyncIterator[bytes] = aiter(cursor)
    coming = asyncio.ensure_future(_next(batches))
    try:
        while (batch := await coming) is not None:
            coming = asyncio.ensure_future(_next(batches))
            await asyncio.sleep(0)  # lets it begin
            yield batch
    finally:
        coming.cancel()


async def _next(batches: AsyncIterator[bytes]) -> bytes | None:
    with reachable():
        return await anext(batches, None)
