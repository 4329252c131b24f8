"""Writes that precede a commit, acknowledged by the primary alone.

MongoDB replicates one sequence of writes: once a majority has a commit, it has every earlier write of the same
primary. Only a primary that was elected in between may lack them; then they are written again before the append
returns. Behind a router of shards there is no common sequence, and these writes wait for a majority themselves.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from pymongo.errors import PyMongoError

from store.errors import StoreError
from store.mongo.connection import Database, Document
from store.mongo.routing import is_routed
from store.mongo.write_batches import WriteBatches
from store.mongo.write_command import PRIMARY_ALONE, run_write

MOST_BYTES: Final = 64 * 2**20
_KEPT_S: Final = 600.0  # far longer than from a write to its commit; what is older was abandoned
_SMALL_BYTES: Final = 2**18  # a larger write would keep the others of its command waiting

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """A write whose commit is still to come; `at` by the monotonic clock, seconds."""

    command: Mapping[str, Any]
    term: int
    size: int
    at: float
    tags: frozenset[str]


class ProvisionalWrites:
    """The writes of this process whose commit is still to come, by stream.

    They are kept in memory, up to `most_bytes`; beyond that, writes wait for a majority.
    """

    def __init__(
        self, database: Database, *, most_bytes: int = MOST_BYTES, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client: Any = database.client
        self._majority = database.write_concern.document
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        self._run = partial(run_write, database)
        self._small = WriteBatches(partial(self._run, concern=PRIMARY_ALONE))
        self._open: dict[str, list[Write]] = {}
        self._bytes = 0
        self._has_terms = True
        self._timer: asyncio.TimerHandle | None = None

    async def write(self, stream: str, command: Document, *, size: int, tags: Collection[str] = ()) -> Document:
        """Run a repeatable write command that a commit of `stream` is to follow; return the answer.

        Small ones that are given at the same time are one command for each collection.

        `size`: its bytes in memory; `tags`: what erases it (`forget`). Duplicates are left to the caller; raises
        as `run_write` for any other failed statement.
        """
        if not self._has_terms or self._bytes + size > self._most_bytes:
            return await self._run(command, self._majority)
        answer = await (self._small.run(command) if size <= _SMALL_BYTES else self._run(command, PRIMARY_ALONE))
        term = None if is_routed(self._client) else term_of(answer)
        if term is None:
            self._has_terms = False
            return await self._run(command, self._majority)
        self._keep(stream, Write(command, term, size, self._monotonic(), frozenset(tags)))
        return answer

    def pending(self, stream: str) -> Sequence[Write]:
        """Return the writes that a commit of a stream would follow; call before it is sent."""
        return [*self._open.get(stream, ())]

    async def confirm(self, stream: str, followed: Sequence[Write], term: int | None) -> None:
        """Write again what the primary of a commit, which had this term, may not have seen.

        What was erased meanwhile is left out; what was written meanwhile waits for its own commit.
        """
        for write in self.forget(stream):
            if write not in followed:
                self._keep(stream, write)
                continue
            if write.term == term:
                continue
            log.warning("provisional_write_repeated", stream=stream, term=write.term, commit_term=term)
            try:
                await self._run(write.command, self._majority)
            except (PyMongoError, StoreError) as error:  # the commit is stored: it must not seem to fail
                log.error("provisional_write_lost", stream=stream, error=type(error).__name__)  # noqa: TRY400

    def _keep(self, stream: str, write: Write) -> None:
        self._open.setdefault(stream, []).append(write)
        self._bytes += write.size
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_KEPT_S, self._forget_old)

    def forget(self, stream: str, *tags: str) -> list[Write]:
        """Keep the writes of a stream no longer, only those with all of some tags: they are erased; return them."""
        writes = self._open.pop(stream, [])
        forgotten = [write for write in writes if write.tags.issuperset(tags)]
        if len(forgotten) < len(writes):
            self._open[stream] = [write for write in writes if write not in forgotten]
        self._bytes -= sum(write.size for write in forgotten)
        return forgotten

    def _forget_old(self) -> None:
        self._timer = None
        limit = self._monotonic() - _KEPT_S
        for stream in [stream for stream, writes in self._open.items() if writes[0].at <= limit]:
            self.forget(stream)
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(_KEPT_S / 10, self._forget_old)


def term_of(answer: Mapping[str, Any]) -> int | None:
    """Read the election term of the primary that answered a write; None from a router of shards."""
    term = answer.get("opTime", {}).get("t") if isinstance(answer.get("opTime"), Mapping) else None
    return term if isinstance(term, int) else None


def is_duplicate(answer: Mapping[str, Any]) -> bool:
    """Tell whether a statement found its document already there."""
    return bool(answer.get("writeErrors"))
