import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from store.audit.commit_check import CheckedCommit, check_batch
from store.audit.stored_form import decoded
from store.mongo.connection import Database, Document, raises_unavailable, reachable

_BATCH = 5000
_WORTH_A_PROCESS = 1 << 20  # bytes: a process starts slower than these are checked
_MOST_PROCESSES = 4


@raises_unavailable
class CommitScan:
    """Read every commit and every position as stored."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")

    async def positions(self, head: int) -> AsyncGenerator[list[Document], None]:
        """Read the sealed log up to `head` in batches; the next one is read while one is checked."""
        found = self._log.find_raw_batches({"_id": {"$lte": head}}, batch_size=_BATCH).sort("_id", ASCENDING)
        async with aclosing(_ahead(found)) as batches:
            async for batch in batches:
                yield decoded(batch)

    async def sealed(self, commit_ids: Sequence[str]) -> set[str]:
        """Choose the commits that have a position by now."""
        entries = await self._log.find({"commit": {"$in": list(commit_ids)}}, {"commit": 1}).to_list(None)
        return {entry["commit"] for entry in entries}

    async def sealed_before(self, moment: datetime, *, after: int) -> tuple[int, int, datetime] | None:
        """Find the first and the last position behind another that were sealed before a moment, and when the first."""
        found = []
        for order in (ASCENDING, DESCENDING):
            query = {"_id": {"$gt": after}, "sealed_at": {"$lt": moment}}
            if (entry := await self._log.find_one(query, {"sealed_at": 1}, sort=[("_id", order)])) is None:
                return None
            found.append(entry)
        return found[0]["_id"], found[1]["_id"], found[0]["sealed_at"]

    async def commits(self) -> AsyncGenerator[list[CheckedCommit], None]:
        """Check every commit that exists now, roughly in the order of writing."""
        checker = _BatchChecker()
        checked: deque[asyncio.Future[list[CheckedCommit]]] = deque()
        try:
            async with aclosing(_ahead(self._commits.find_raw_batches({}, batch_size=_BATCH))) as batches:
                async for batch in batches:
                    checked.append(checker.check(batch))
                    if len(checked) > checker.width:
                        yield await checked.popleft()
            while checked:
                yield await checked.popleft()
        finally:
            checker.close()

    async def earlier(self, names: Sequence[str], before: int) -> Mapping[str, CheckedCommit]:
        """Check commits once more: those that were sealed before a position, and are sound."""
        found = self._commits.find_raw_batches({"_id": {"$in": [*names]}})
        checked = {commit[0]: commit async for batch in found for commit in check_batch(batch)}
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


class _BatchChecker:
    """Check batches on a thread while they are small, then in processes."""

    def __init__(self) -> None:
        self.width = max(1, min((os.cpu_count() or 1) - 1, _MOST_PROCESSES))
        self._processes: ProcessPoolExecutor | None = None

    def check(self, batch: bytes) -> asyncio.Future[list[CheckedCommit]]:
        if self._processes is None and len(batch) >= _WORTH_A_PROCESS:
            fresh = multiprocessing.get_context("spawn")  # a fork would copy the driver's threads and sockets
            self._processes = ProcessPoolExecutor(self.width, mp_context=fresh)
        return asyncio.get_running_loop().run_in_executor(self._processes, check_batch, batch)

    def close(self) -> None:
        if self._processes is not None:
            self._processes.shutdown(cancel_futures=True)
