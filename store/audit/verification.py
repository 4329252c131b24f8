"""Verify the hashes, the order and the signatures of the whole log, up to the first contradiction."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import Frontier
from store.audit.checkpointing import require_signed
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.commit_check import CheckedCommit
from store.audit.commit_scan import CommitScan

Progress = Callable[[int, int], None]
_LOOKUP_BATCH = 1000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The number of sealed commits and their root; `waiting` commits have no position yet."""

    size: int
    root: bytes
    streams: int
    checkpoints: int
    waiting: int


async def verify(
    scan: CommitScan, checkpoints: Checkpoints, trusted: Sequence[VerificationKey], progress: Progress
) -> AuditReport:
    """Recompute the tree from the stored bodies; the log may grow meanwhile.

    Raises ContradictionError at the first fault. Memory: a few batches, one number for each stream, and
    commits that were written long before they were sealed.
    """
    latest = await checkpoints.latest()
    head = await checkpoints.head()
    if latest is not None and latest.size > head:
        raise ContradictionError(f"the log ends at {head}, but {latest.size} commits were signed")
    async with aclosing(scan.commits()) as commits, aclosing(checkpoints.all()) as signed:
        order, tree = _Order(commits), _Tree(signed, trusted, await anext(signed, None))
        async for entries in scan.positions(head):
            await tree.grow(await order.leaves(entries))
            progress(order.position, head)
        if order.position != head:
            raise ContradictionError(f"position {order.position + 1} is missing")
        waiting = await order.left_over(scan)
    return AuditReport(head, tree.frontier.root(), len(order.reached), tree.checkpoints, waiting)


class _Order:
    """Match the positions with the scanned commits; commits ahead of their position wait."""

    def __init__(self, commits: AsyncIterator[list[CheckedCommit]]) -> None:
        self._commits = commits
        self._waiting: dict[str, CheckedCommit] = {}
        self.reached: dict[str, int] = {}
        self.position = 0

    async def leaves(self, entries: Sequence[dict[str, Any]]) -> list[bytes]:
        """Check the next positions and return their leaves."""
        for entry in entries:
            commit = self._waiting.pop(entry.get("commit", ""), None) or await self._find(entry)
            fault = self._fault(entry, commit)
            if fault is not None:
                raise ContradictionError(f"position {self.position + 1}: {commit[0]}: {fault}")
            self.position += 1
            self.reached[entry["stream"]] = commit[2]
        return [entry["leaf"] for entry in entries]

    async def left_over(self, scan: CommitScan) -> int:
        """Check the commits without a position in the scan: new or lost; return how many."""
        while await self._more():
            pass
        unmarked: list[str] = []
        for name, _, _, _, unsealed, fault in self._waiting.values():
            if fault is not None:
                raise ContradictionError(f"{name}: {fault}")
            if not unsealed:
                unmarked.append(name)
        for start in range(0, len(unmarked), _LOOKUP_BATCH):
            some = unmarked[start : start + _LOOKUP_BATCH]
            for lost in set(some) - await scan.sealed(some):
                raise ContradictionError(f"{lost} has no position and no mark `unsealed`")
        return len(self._waiting)

    async def _find(self, entry: dict[str, Any]) -> CheckedCommit:
        while await self._more():
            if (commit := self._waiting.pop(entry.get("commit", ""), None)) is not None:
                return commit
        raise ContradictionError(
            f"position {entry['_id']}: {entry.get('commit')} is missing, or has an earlier position too"
        )

    async def _more(self) -> bool:
        batch = await anext(self._commits, None)
        self._waiting.update({commit[0]: commit for commit in batch or ()})
        return batch is not None

    def _fault(self, entry: dict[str, Any], commit: CheckedCommit) -> str | None:
        stream = entry.get("stream", "")
        name, first, _, leaf, _, fault = commit
        if entry["_id"] != self.position + 1:
            return f"is at {entry['_id']}: a position is missing"
        if leaf and leaf != entry.get("leaf"):
            return "its body is not the one that was sealed"
        if fault is not None:
            return fault
        if name != f"{stream}:{first}":
            return "sealed under another stream"
        if first != self.reached.get(stream, 0) + 1:
            return f"follows version {self.reached.get(stream, 0)} of its stream"
        return None


@dataclass(slots=True)
class _Tree:
    """Extend the tree from checkpoint to checkpoint, and compare."""

    signed: AsyncIterator[StoredCheckpoint]
    trusted: Sequence[VerificationKey]
    following: StoredCheckpoint | None
    frontier: Frontier = field(default_factory=Frontier)
    checkpoints: int = 0

    async def grow(self, leaves: list[bytes]) -> None:
        """Append leaves, and compare with every checkpoint among them."""
        while (checkpoint := self.following) and checkpoint.size <= self.frontier.size + len(leaves):
            count = checkpoint.size - self.frontier.size
            self.frontier, leaves = self.frontier.extended(leaves[:count]), leaves[count:]
            if checkpoint.root != self.frontier.root():
                raise ContradictionError(f"checkpoint {checkpoint.size}: the log does not lead to its root")
            require_signed(checkpoint, self.trusted)
            self.checkpoints += 1
            self.following = await anext(self.signed, None)
        self.frontier = self.frontier.extended(leaves)
