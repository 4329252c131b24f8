import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from store.audit.commit_check import FIELDS, CheckedCommit, check_batch
from store.audit.stored_form import decoded
from store.commits.document import OWNER
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
        """Read the sealed log up to `head` in batches of `_id`, `commit`, `stream`, `leaf`, time, terms and owner."""
        fields = dict.fromkeys(("commit", "stream", "leaf", "sealed_at", "terms", *OWNER), 1)
        found = self._log.find_raw_batches({"_id": {"$lte": head}}, fields, batch_size=_BATCH)
        with reachable():
            async for batch in found.sort("_id", ASCENDING):
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
        ahead: deque[asyncio.Future[list[CheckedCommit]]] = deque()
        batches = aiter(self._commits.find_raw_batches({}, FIELDS, batch_size=_BATCH))
        coming = asyncio.ensure_future(_next(batches))
        try:
            while (batch := await coming) is not None:
                coming = asyncio.ensure_future(_next(batches))
                ahead.append(checker.check(batch))
                if len(ahead) > checker.width:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            coming.cancel()
            checker.close()


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
