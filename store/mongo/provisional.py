"""Writes that precede a commit, acknowledged by the primary alone.

MongoDB replicates one sequence of writes: once a majority has a commit, it has every earlier write of the same
primary. Only a primary that was elected in between may lack them; then they are written again before the append
returns. Behind a router of shards there is no common sequence, and these writes wait for a majority themselves.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo.errors import PyMongoError

from store.errors import StoreUnavailableError
from store.mongo.connection import DUPLICATE_KEY, Database, Document, is_transient

MOST_BYTES: Final = 64 * 2**20
_KEPT_S: Final = 600.0  # far longer than from a write to its commit; what is older was abandoned
_LOCAL: Final[Document] = {"w": 1, "j": False}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """A write whose commit is still to come; `at` by the monotonic clock, seconds."""

    command: Mapping[str, Any]
    term: int
    size: int
    at: float


class ProvisionalWrites:
    """The writes of this process whose commit is still to come, by stream.

    They are kept in memory, up to `most_bytes`; beyond that, writes wait for a majority.
    """

    def __init__(
        self, database: Database, *, most_bytes: int = MOST_BYTES, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._majority = database.write_concern.document
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        self._open: dict[str, list[Write]] = {}
        self._bytes = 0
        self._has_terms = True

    async def write(self, stream: str, command: Document, *, size: int = 0) -> Document:
        """Run a repeatable write command that a commit of `stream` is to follow; return the answer.

        Duplicates are left to the caller; raises StoreUnavailableError for any other failed statement.
        """
        self._forget_old()
        if not self._has_terms or self._bytes + size > self._most_bytes:
            return await self._run(command, self._majority)
        answer = await self._run(command, _LOCAL)
        term = term_of(answer)
        if term is None:
            self._has_terms = False
            return await self._run(command, self._majority)
        self._keep(stream, Write(command, term, size, self._monotonic()))
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
            except (PyMongoError, StoreUnavailableError) as error:  # the commit is stored: it must not seem to fail
                log.error("provisional_write_lost", stream=stream, error=type(error).__name__)  # noqa: TRY400

    def _keep(self, stream: str, write: Write) -> None:
        self._open.setdefault(stream, []).append(write)
        self._bytes += write.size

    def forget(self, stream: str) -> list[Write]:
        """Keep the writes of a stream no longer, because they were erased; return them."""
        forgotten = self._open.pop(stream, [])
        self._bytes -= sum(write.size for write in forgotten)
        return forgotten

    def _forget_old(self) -> None:
        limit = self._monotonic() - _KEPT_S
        for stream in [*self._open]:  # the oldest stream comes first
            if self._open[stream][0].at > limit:
                return
            self.forget(stream)

    async def _run(self, command: Mapping[str, Any], concern: Mapping[str, Any]) -> Document:
        """Run a command; repeat it once when its outcome is unknown."""
        try:
            answer: Document = await self._database.command({**command, "writeConcern": concern})
        except PyMongoError as error:
            if not is_transient(error):
                raise
            answer = await self._database.command({**command, "writeConcern": concern})
        codes = {fault["code"] for fault in answer.get("writeErrors", ())} - {DUPLICATE_KEY}
        if codes or "writeConcernError" in answer:
            raise StoreUnavailableError(f"write failed with codes {codes}")
        return answer


def term_of(answer: Mapping[str, Any]) -> int | None:
    """Read the election term of the primary that answered a write; None from a router of shards."""
    term = answer.get("opTime", {}).get("t") if isinstance(answer.get("opTime"), Mapping) else None
    return term if isinstance(term, int) else None


def is_duplicate(answer: Mapping[str, Any]) -> bool:
    """Tell whether a statement found its document already there."""
    return bool(answer.get("writeErrors"))
