from collections import OrderedDict
from typing import Final

from domain.audit.merkle import Frontier, Range, inclusion_path
from store.audit.leaves import Leaves
from store.audit.merkle_nodes import LEVELS, MerkleNodes
from store.mongo.connection import Database

_BLOCK: Final = 1 << LEVELS[0]
_KEPT: Final = 1024  # subtrees, each read once for all commits beside it


class InclusionProofs:
    """Prove many commits of one tree, in order: neighbours share what is read."""

    def __init__(self, database: Database, merkle_nodes: MerkleNodes | None = None) -> None:
        self._leaves = Leaves(database)
        self._nodes = merkle_nodes or MerkleNodes(database)
        self._block: tuple[Range, list[bytes]] = ((0, 0), [])
        self._subtrees: OrderedDict[Range, bytes] = OrderedDict()

    async def of(self, index: int, size: int) -> list[bytes]:
        """Return the hashes that lead from a leaf to the root of a tree of `size` leaves."""
        return [await self._root(subtree, size) for subtree in inclusion_path(index, size)]

    async def _root(self, subtree: Range, size: int) -> bytes:
        """Hash a small subtree from its block of leaves, which holds it whole, a large one from stored nodes."""
        first, last = subtree
        if last - first < _BLOCK:
            start = first - first % _BLOCK
            leaves = await self._leaves_of((start, min(start + _BLOCK, size)))
            return Frontier().extended(leaves[first - start : last - start]).root()
        if (root := self._subtrees.get(subtree)) is None:
            root = self._subtrees[subtree] = await self._nodes.root(first, last)
            if len(self._subtrees) > _KEPT:
                self._subtrees.popitem(last=False)
        return root

    async def _leaves_of(self, block: Range) -> list[bytes]:
        if self._block[0] != block:
            self._block = (block, await self._leaves.between(*block))
        return self._block[1]
