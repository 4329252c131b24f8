"""Verify the hashes, the order and the signatures of the whole log, up to the first contradiction."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import Checkpoint, ContradictionError
from store.audit.checkpoints import Checkpoints
from store.audit.commit_check import CheckedCommit, owner_beside
from store.audit.commit_scan import CommitScan
from store.audit.known_streams import KnownStream, KnownStreams
from store.audit.seal_order import SealOrder
from store.audit.stored_form import has_form
from store.audit.terms_check import TermsCheck, agrees_alone
from store.audit.tree_check import NodeCheck, TreeCheck

Progress = Callable[[int, int], None]
_LOOKUP_BATCH = 1000
_OWNER_TYPES: Final = {str, type(None)}
_ENTRY: Final = {"_id": int, "commit": str, "stream": str, "leaf": bytes}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The number of sealed commits and their root; `waiting` commits have no position yet."""

    size: int
    root: bytes
    streams: int
    checkpoints: int
    cosignatures: int
    waiting: int


async def verify(
    scan: CommitScan,
    checkpoints: Checkpoints,
    trusted: Sequence[VerificationKey],
    progress: Progress,
    kept: Sequence[Checkpoint] = (),
) -> AuditReport:
    """Recompute the tree from the stored bodies; the log may grow meanwhile.

    kept: checkpoints of this log from elsewhere, that it must lead to. Raises ContradictionError at the first fault.
    Memory: a few batches, the streams that were used last, and commits that were written long before they were sealed.
    """
    latest = await checkpoints.latest()
    head = await checkpoints.head()
    signed_sizes = [one.size for one in kept] + ([latest.size] if latest else [])
    if (most := max(signed_sizes, default=0)) > head:
        raise ContradictionError(f"the log ends at {head}, but {most} commits were signed", head + 1)
    async with aclosing(scan.commits()) as commits, aclosing(checkpoints.all()) as signed:
        nodes = NodeCheck(checkpoints.nodes)
        order = _Order(commits, KnownStreams(scan))
        tree = TreeCheck(signed, nodes, trusted, [one for one in kept if one.size], order.sealing)
        await tree.start()
        async for entries in scan.positions(head):
            await tree.grow(await order.leaves(entries))
            progress(order.position, head)
        if order.position != head:
            raise ContradictionError(f"position {order.position + 1} is missing", order.position + 1)
        await nodes.finish(checkpoints)
        waiting = await order.left_over(scan)
    return AuditReport(head, tree.frontier.root(), order.streams, tree.checkpoints, tree.cosignatures, waiting)


class _Order:
    """Match the positions with the scanned commits; commits ahead of their position wait."""

    def __init__(self, commits: AsyncIterator[list[CheckedCommit]], known: KnownStreams) -> None:
        self._commits = commits
        self._waiting: dict[str, CheckedCommit] = {}
        self._known = known
        self._terms = TermsCheck(known)
        self.sealing = SealOrder()
        self.position = 0
        self.streams = 0

    async def leaves(self, entries: Sequence[dict[str, Any]]) -> list[bytes]:
        """Check the next positions and return their leaves."""
        for entry in entries:
            position = self.position + 1
            if not has_form(entry, _ENTRY):
                raise ContradictionError(f"position {position} is damaged, or missing", position)
            commit = self._waiting.pop(entry["commit"], None) or await self._find(entry)
            known = self._known.get(entry["stream"]) or await self._recalled(entry["stream"], commit)
            fault = self._fault(entry, commit, known)
            if fault is None and not agrees_alone(entry, commit, known):
                fault = await self._terms.fault_of(entry, commit)
            if fault is not None:
                raise ContradictionError(f"position {position}: {commit[0]}: {fault}", position)
            self._note(entry["stream"], commit, known)
        return [entry["leaf"] for entry in entries]

    async def left_over(self, scan: CommitScan) -> int:
        """Check the commits without a position in the scan: new or lost; return how many."""
        while await self._more():
            pass
        unmarked: list[str] = []
        await self._terms.finish()
        for name, _, _, _, _, unsealed, fault, *_ in self._waiting.values():
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
            if (commit := self._waiting.pop(entry["commit"], None)) is not None:
                return commit
        position = self.position + 1
        raise ContradictionError(
            f"position {position}: {entry['commit']} is missing, or has an earlier position too", position
        )

    async def _more(self) -> bool:
        batch = await anext(self._commits, None)
        self._waiting.update({commit[0]: commit for commit in batch or ()})
        return batch is not None

    async def _recalled(self, stream: str, commit: CheckedCommit) -> KnownStream | None:
        """Read a stream again that was forgotten; None if it begins with this commit, or does not lead to it."""
        _, first, _, _, _, _, fault, *_ = commit
        if first > 1 and fault is None:
            await self._known.recall({stream: first - 1}, self.position + 1)
        return self._known.get(stream)

    def _fault(self, entry: dict[str, Any], commit: CheckedCommit, known: KnownStream | None) -> str | None:
        name, first, _, leaf, owner, _, fault, *_ = commit
        reached = known.last if known is not None else 0
        if entry["_id"] != self.position + 1:
            return f"is at {entry['_id']}: a position is missing"
        if leaf and leaf != entry["leaf"]:
            return "its body is not the one that was sealed"
        if fault is not None:
            return fault
        if name != f"{entry['stream']}:{first}":
            return "sealed under another stream"
        if first != reached + 1:
            return f"follows version {reached} of its stream"
        sealed = owner_beside(entry)
        if sealed != (owner if known is None else known.owner) or not {*map(type, sealed)} <= _OWNER_TYPES:
            return "sealed under another owner"
        return self.sealing.fault_of(entry.get("sealed_at"))

    def _note(self, stream: str, commit: CheckedCommit, known: KnownStream | None) -> None:
        """Go on behind a position that was verified."""
        _, _, last, _, owner, _, _, _, lent, _, time = commit
        self.position += 1
        self.sealing.note(self.position, stream, time)
        if known is None:
            self.streams += 1
            self._known.add(stream, last, owner, lent)
        else:
            self._known.advance(stream, known, last)
