"""Verify a part of the log by itself: a range of positions, and a part of the commits that mostly has those of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Container, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from domain.audit.checkpoints import ContradictionError
from store.audit.commit_check import CheckedCommit, check_batch
from store.audit.commit_scan import BATCH, CommitScan
from store.audit.known_streams import KnownStreams
from store.audit.leaf_blocks import Growth, LeafBlocks
from store.audit.log_range import LogRange
from store.audit.range_check import RangeCheck
from store.audit.seal_order import milliseconds
from store.audit.stored_form import decoded, documents_in

_AHEAD: Final = 5 * BATCH
"""So many commits are read ahead of their positions; what is then missing is read by its id."""

_MOST_WAITING: Final = 20 * BATCH
ID: Final = b"\x02_id\0", 4, 13
COMMIT: Final = b"\x02commit\0", 13, 25
"""A field, where it begins in a document, and where its text does."""


class VerifiedPart(NamedTuple):
    """Positions that were verified, up to one; how the tree grew; and which are not in the order of sealing."""

    position: int
    grown: Sequence[Growth]
    astray: Sequence[int]


class VerifiedRange(NamedTuple):
    """How many streams began in a range, how many commits were read, and how many of these wait for a position.

    lost: what is wrong with the first commit that was left over and should have been found at a position.
    """

    streams: int
    commits: int
    waiting: int
    lost: str | None = None


@dataclass(slots=True)
class _Waiting:
    """Commits that were read and have met no position yet, by their ids, as raw documents.

    commits: how many were read; unsealed: how many of these have none up to `head`; lost: what is wrong with the first
    one that was left over and should not be.
    """

    scan: CommitScan
    head: int
    commits: int = 0
    unsealed: int = 0
    lost: str | None = None
    _documents: dict[bytes, bytes] = field(default_factory=dict)
    _ahead: int = 0

    async def find(self, names: Sequence[bytes], commits: AsyncIterator[bytes]) -> None:
        """Read until the commits of the next positions are there, or not near; then read the others by their ids."""
        await self._shorten(_MOST_WAITING)
        self._ahead -= len(names)
        while (lacking := [name for name in names if name not in self._documents]) and self._ahead < _AHEAD:
            if (batch := await anext(commits, None)) is None:
                break
            self._ahead += self._read(batch)
        if lacking:
            for document in await self.scan.named([name.decode(errors="replace") for name in lacking]):
                self._documents[text_of(document, *ID)] = document

    def take(self, name: bytes) -> bytes | None:
        return self._documents.pop(name, None)

    async def finish(self, commits: AsyncIterator[bytes]) -> None:
        """Read the other commits, and look for the positions of those that are left."""
        async for batch in commits:
            self._read(batch)
            await self._shorten(_MOST_WAITING)
        await self._shorten(0)

    def _read(self, batch: bytes) -> int:
        documents = documents_in(batch)
        self._documents |= {text_of(document, *ID): document for document in documents}
        self.commits += len(documents)
        return len(documents)

    async def _shorten(self, most: int) -> None:
        """Give up those that wait longest, until so many are left: new, or sealed in another range, or lost."""
        while len(self._documents) > most:
            names = [*islice(self._documents, BATCH)]
            checked = [commit for name in names for commit in check_batch(self._documents.pop(name))]
            sealed = await self.scan.sealed([commit[0] for commit in checked])
            self.unsealed += sum(sealed.get(commit[0], self.head + 1) > self.head for commit in checked)
            self.lost = self.lost or next(filter(None, (_loss(commit, sealed) for commit in checked)), None)


class RangeVerification:
    """Verify ranges of the log."""

    def __init__(self, commit_scan: CommitScan) -> None:
        self._scan = commit_scan

    async def parts(self, within: LogRange) -> AsyncGenerator[VerifiedPart | VerifiedRange, None]:
        """Verify a range: its parts, and in the end the whole; raises ContradictionError at the first fault."""
        check, waiting = await self._begun(within), _Waiting(self._scan, within.head)
        blocks = LeafBlocks(within.level, within.after, sorted(within.sizes, reverse=True))
        positions = self._scan.positions(within.after, within.last)
        async with aclosing(positions), aclosing(self._scan.commits(within.skip, within.limit)) as commits:
            async for batch in positions:
                entries = documents_in(batch)
                names = [text_of(entry, *COMMIT) for entry in entries]
                await waiting.find(names, commits)
                leaves = list[bytes]()
                for entry, name in zip(entries, names, strict=True):
                    commit = waiting.take(name)
                    leaves.append(check.agrees(entry, name, commit) or await check.check(entry, commit))
                yield VerifiedPart(check.position, blocks.add(leaves), check.sealing.taken())
            if check.position != within.last:
                raise ContradictionError(f"position {check.position + 1} is missing", check.position + 1)
            await check.finish()
            await waiting.finish(commits)
        yield VerifiedRange(check.streams, waiting.commits, waiting.unsealed, waiting.lost)

    async def _begun(self, within: LogRange) -> RangeCheck:
        check = RangeCheck(KnownStreams(self._scan), within.after)
        before = await self._scan.sealed_at(within.after) if within.after else None
        if isinstance(before, datetime):
            check.sealing.sealed_at = milliseconds(before)
        return check


def _loss(commit: CheckedCommit, sealed: Container[str]) -> str | None:
    """Tell what is wrong with a commit that was left over, if its position does not tell."""
    name, _, _, _, _, unsealed, fault, *_ = commit
    if fault is not None:
        return f"{name}: {fault}"
    return None if unsealed or name in sealed else f"{name} has no position and no mark `unsealed`"


def text_of(document: bytes, name: bytes, start: int, text: int) -> bytes:
    """Read the first text of a document; what another document has there, if it has one."""
    if document.startswith(name, start):
        return document[text : document.find(0, text)]
    [found] = decoded(document)
    return str(found.get(name[1:-1].decode())).encode(errors="replace")
