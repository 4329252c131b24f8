"""Compare the tree of the stored leaves with everything that is known of it."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import Checkpoint, ContradictionError
from domain.audit.merkle import Frontier
from store.audit.checkpointing import require_signed
from store.audit.checkpoints import Checkpoints, StoredCheckpoint, noted_checkpoint
from store.audit.leaf_blocks import Growth
from store.audit.merkle_nodes import MerkleNodes


@dataclass(slots=True)
class TreeCheck:
    """Extend the tree to each size of which something is known, and compare.

    sizes: the checkpoints that existed at the start; later ones are left out. kept: checkpoints that the auditor kept
    elsewhere, with verified signatures. astray: positions that are not in the order of sealing.
    """

    signed: AsyncIterator[StoredCheckpoint]
    sizes: Collection[int]
    nodes: "NodeCheck"
    trusted: Sequence[VerificationKey]
    kept: list[Checkpoint]
    astray: list[int] = field(default_factory=list)
    frontier: Frontier = field(default_factory=Frontier)
    checkpoints: int = 0
    cosignatures: int = 0
    _blocks: Frontier = field(default_factory=Frontier)
    _following: StoredCheckpoint | None = None
    _agreed: int = 0
    _verified: set[int] = field(default_factory=lambda: {0})

    async def start(self) -> None:
        """Read what the first comparison needs."""
        self.kept.sort(key=lambda checkpoint: checkpoint.size, reverse=True)
        await self._follow()
        await self.nodes.start()

    async def grow(self, growth: Growth) -> None:
        """Let the tree grow, and compare."""
        if growth.size % (1 << self.nodes.level):
            self.frontier = Frontier(growth.size, (*self._blocks.hashes, *growth.hashes))
        else:
            [block] = growth.hashes
            await self.nodes.compare(self._blocks, block)
            self.frontier = self._blocks = self._blocks.extended([block], self.nodes.level)
        await self._compare()

    async def _follow(self) -> None:
        self._following = await anext(self.signed, None)
        while self._following is not None and self._following.size not in self.sizes:
            self._following = await anext(self.signed, None)

    async def _compare(self) -> None:
        size = self.frontier.size
        while (checkpoint := self._following) is not None and checkpoint.size <= size:
            self._require_root(checkpoint.size, checkpoint.root, "checkpoint")
            require_signed(checkpoint, self.trusted)
            self._require_previous(noted_checkpoint(checkpoint))
            self.checkpoints += 1
            self.cosignatures += len(checkpoint.cosignatures)
            await self._follow()
        while self.kept and self.kept[-1].size <= size:
            kept = self.kept.pop()
            self._require_root(kept.size, kept.root, "kept checkpoint")

    def _require_previous(self, noted: Checkpoint) -> None:
        """Raise ContradictionError unless the checkpoint that this one names is stored, too."""
        if noted.previous is not None and noted.previous not in self._verified:
            message = f"checkpoint {noted.previous} is missing: checkpoint {noted.size} names it as the one before"
            raise ContradictionError(message, noted.previous)
        self._verified.add(noted.size)

    def _require_root(self, size: int, root: bytes, name: str) -> None:
        """Raise ContradictionError for another root, with the positions since the last one that agreed."""
        if size == self.frontier.size and root == self.frontier.root():
            self._agreed = size
            return
        astray = next((one for one in self.astray if self._agreed < one <= size), None)
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

    @property
    def level(self) -> int:
        """The lowest level of stored nodes: that of the blocks that the tree grows by."""
        return self.stored.levels[0]

    async def start(self) -> None:
        for level in self.stored.levels:
            self._levels[level] = await self._open.enter_async_context(aclosing(self.stored.all(level)))
            await self._read(level)

    async def compare(self, before: Frontier, block: bytes) -> None:
        """Compare the nodes that the next block completes; one that is not stored is no fault."""
        size = before.size + (1 << self.level)
        for level in self.stored.levels:
            number, rest = divmod(size, 1 << level)
            if rest == 0 and (following := self._following[level]) is not None and following[0] < number:
                if following != (number - 1, before.completed(block, level - self.level)):
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
