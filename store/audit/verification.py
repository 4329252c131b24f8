"""Verify the hashes, the order and the signatures of the whole log, up to the first contradiction."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import Checkpoint, ContradictionError
from store.audit.checkpoints import Checkpoints
from store.audit.commit_scan import CommitScan
from store.audit.log_range import LogRange
from store.audit.range_verification import RangeVerification, VerifiedPart, VerifiedRange
from store.audit.tree_check import NodeCheck, TreeCheck

Progress = Callable[[int, int], None]


class VerifiedRanges(Protocol):
    """Verifies the whole log in ranges; as `RangeVerification.parts` of each, in their order."""

    def __call__(self, whole: LogRange, /) -> AsyncGenerator[VerifiedPart | VerifiedRange, None]: ...


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
    *,
    ranges: VerifiedRanges | None = None,
) -> AuditReport:
    """Recompute the tree from the stored bodies; the log may grow meanwhile.

    kept: checkpoints of this log from elsewhere, that it must lead to. ranges: verify them elsewhere, at the same time.
    Raises ContradictionError at the first fault. Memory: a few batches, the streams that were used last, the sizes of
    checkpoints, and commits that were written long before they were sealed, up to a limit.
    """
    latest, sizes = await checkpoints.latest(), await checkpoints.sizes()
    head = await checkpoints.head()
    signed_sizes = [one.size for one in kept] + ([latest.size] if latest else [])
    if (most := max(signed_sizes, default=0)) > head:
        raise ContradictionError(f"the log ends at {head}, but {most} commits were signed", head + 1)
    async with aclosing(checkpoints.all()) as signed:
        nodes = NodeCheck(checkpoints.nodes)
        tree = TreeCheck(signed, {*sizes}, nodes, trusted, [one for one in kept if one.size])
        await tree.start()
        compared = sorted({head, *sizes, *(one.size for one in kept)})
        whole = LogRange(0, head, head, nodes.level, [size for size in compared if 0 < size <= head])
        found = await _grown(tree, (ranges or RangeVerification(scan).parts)(whole), lambda at: progress(at, head))
        await nodes.finish(checkpoints)
    if found.lost is not None:
        raise ContradictionError(found.lost)
    await _require_one_each(scan, head, found.commits - found.waiting)
    root, count = tree.frontier.root(), tree.checkpoints
    return AuditReport(head, root, found.streams, count, tree.cosignatures, found.waiting)


async def _grown(
    tree: TreeCheck, parts: AsyncGenerator[VerifiedPart | VerifiedRange, None], on_position: Callable[[int], None]
) -> VerifiedRange:
    """Compare the tree of all parts, and add up what was found in their ranges."""
    whole = VerifiedRange(0, 0, 0)
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, VerifiedRange):
                streams, commits = whole.streams + part.streams, whole.commits + part.commits
                whole = VerifiedRange(streams, commits, whole.waiting + part.waiting, whole.lost or part.lost)
                continue
            tree.astray += part.astray
            for growth in part.grown:
                await tree.grow(growth)
            on_position(part.position)
    return whole


async def _require_one_each(scan: CommitScan, head: int, sealed: int) -> None:
    """Raise ContradictionError unless as many commits have a position as there are positions.

    A range does not know the commits of others, nor those that it gave up: one with two positions is told so.
    """
    if sealed == head:
        return
    if (position := await scan.repeated(head)) is not None:
        raise ContradictionError(f"position {position}: its commit has an earlier position too", position)
    raise ContradictionError(f"{sealed} commits have positions, but the log ends at {head}")
