"""Compare the tree of the stored leaves with everything that is known of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import Checkpoint, ContradictionError
from domain.audit.merkle import Frontier
from store.audit.checkpointing import require_signed
from store.audit.checkpoints import Checkpoints, StoredCheckpoint, noted_checkpoint
from store.audit.merkle_nodes import MerkleNodes
from store.audit.seal_order import SealOrder


@dataclass(slots=True)
class TreeCheck:
    """Extend the tree to each size of which something is known, and compare.

    kept: checkpoints that the auditor kept elsewhere, with verified signatures.
    """

    signed: AsyncIterator[StoredCheckpoint]
    nodes: "NodeCheck"
    trusted: Sequence[VerificationKey]
    kept: list[Checkpoint]
    sealing: SealOrder = field(default_factory=SealOrder)
    frontier: Frontier = field(default_factory=Frontier)
    checkpoints: int = 0
    cosignatures: int = 0
    _following: StoredCheckpoint | None = None
    _agreed: int = 0
    _sizes: set[int] = field(default_factory=lambda: {0})

    async def start(self) -> None:
        """Read what the first comparison needs."""
        self.kept.sort(key=lambda checkpoint: checkpoint.size, reverse=True)
        self._following = await anext(self.signed, None)
        await self.nodes.start()

    async def grow(self, leaves: Sequence[bytes]) -> None:
        """Append leaves, and compare at every size among them."""
        while leaves:
            count = min(self._next_size() - self.frontier.size, len(leaves))
            before = self.frontier.extended(leaves[: count - 1])
            await self.nodes.compare(before, leaves[count - 1])
            self.frontier, leaves = before.extended(leaves[count - 1 : count]), leaves[count:]
            await self._compare()

    def _next_size(self) -> int:
        known = [self.nodes.next_size(self.frontier.size)]
        known += [self._following.size] if self._following else []
        known += [self.kept[-1].size] if self.kept else []
        return max(min(known), self.frontier.size + 1)

    async def _compare(self) -> None:
        size = self.frontier.size
        while (checkpoint := self._following) is not None and checkpoint.size <= size:
            self._require_root(checkpoint.size, checkpoint.root, "checkpoint")
            require_signed(checkpoint, self.trusted)
            self._require_previous(noted_checkpoint(checkpoint))
            self.checkpoints += 1
            self.cosignatures += len(checkpoint.cosignatures)
            self._following = await anext(self.signed, None)
        while self.kept and self.kept[-1].size <= size:
            kept = self.kept.pop()
            self._require_root(kept.size, kept.root, "kept checkpoint")

    def _require_previous(self, noted: Checkpoint) -> None:
        """Raise ContradictionError unless the checkpoint that this one names is stored, too."""
        if noted.previous is not None and noted.previous not in self._sizes:
            message = f"checkpoint {noted.previous} is missing: checkpoint {noted.size} names it as the one before"
            raise ContradictionError(message, noted.previous)
        self._sizes.add(noted.size)

    def _require_root(self, size: int, root: bytes, name: str) -> None:
        """Raise ContradictionError for another root, with the positions since the last one that agreed."""
        if size == self.frontier.size and root == self.frontier.root():
            self._agreed = size
            return
        astray = self.sealing.first_astray(self._agreed, size)
        where = f"one of the positions {self._agreed + 1} to {size} is not the signed one"
        where += "" if astray is None else f"; position {astray} is not in the order of sealing"
        message = f"{name} {size}: the log does not lead to its root: {where}"
        raise ContradictionError(message, size if astray is None else astray)


@dataclass(slots=True)
class NodeCheck:
    """Compare the stored Merkle nodes, level by level, with those of the leaves."""

    stored: MerkleNodes
    _levels: dict[int, AsyncIterator[tuple[int, bytes]]] = field(default_factory=dict)
    _following: dict[int, tuple[int, bytes] | None] = field(default_factory=dict)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        for level in self.stored.levels:
            self._levels[level] = await self._open.enter_async_context(aclosing(self.stored.all(level)))
            await self._read(level)

    def next_size(self, size: int) -> int:
        """Return the next size at which a subtree is complete."""
        step: int = 1 << self.stored.levels[0]
        return (size // step + 1) * step

    async def compare(self, before: Frontier, leaf: bytes) -> None:
        """Compare the nodes that the next leaf completes; one that is not stored is no fault."""
        size = before.size + 1
        for level in self.stored.levels:
            number, rest = divmod(size, 1 << level)
            if rest == 0 and (following := self._following[level]) is not None and following[0] < number:
                if following != (number - 1, before.completed(leaf, level)):
                    raise ContradictionError(f"the Merkle node of level {level} at {size} is not that of the log", size)
                await self._read(level)

    async def finish(self, checkpoints: Checkpoints) -> None:
        """Raise ContradictionError for a node of leaves that the log does not have now."""
        head = await checkpoints.head()
        for level, following in self._following.items():
            if following is not None and (end := (following[0] + 1) << level) > head:
                raise ContradictionError(f"there is a Merkle node of level {level} at {end}, behind the log")
        await self.stored.require_no_others()
        await self._open.aclose()

    async def _read(self, level: int) -> None:
        self._following[level] = await anext(self._levels[level], None)
