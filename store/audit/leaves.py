from collections.abc import Sequence

from pymongo import ASCENDING

from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import Frontier
from store.audit.stored_form import decoded
from store.mongo.connection import Database, Document, raises_unavailable

_LEAF_BYTES = 32
_BATCH = 4096


@raises_unavailable
class Leaves:
    """The leaves of the Merkle tree, read from the positions of collection `log`."""

    def __init__(self, database: Database) -> None:
        self._log = database.get_collection("log")

    async def between(self, first: int, last: int) -> list[bytes]:
        """Read the leaves from one up to, not including, another; raises ContradictionError for a gap."""
        entries = await self._log.find({"_id": {"$gt": first, "$lte": last}}, {"leaf": 1}).sort("_id").to_list(None)
        if [entry["_id"] for entry in entries] != [*range(first + 1, last + 1)]:
            raise ContradictionError(f"a position between {first + 1} and {last} is missing", first + 1)
        return _leaves(entries, first)

    async def extend(self, frontier: Frontier, after: int, last: int) -> Frontier:
        """Append the leaves behind a position, up to that of `last`; raises ContradictionError for a gap."""
        within, position = {"_id": {"$gt": after, "$lte": last}}, after
        found = self._log.find_raw_batches(within, {"leaf": 1}, batch_size=_BATCH)
        async for batch in found.sort("_id", ASCENDING):
            entries = decoded(batch)
            if entries[-1].get("_id") != position + len(entries):
                raise ContradictionError(f"position {position + 1} or one soon after it is missing", position + 1)
            frontier = frontier.extended(_leaves(entries, position))
            position += len(entries)
        if position != last:
            raise ContradictionError(f"position {position + 1} is missing", position + 1)
        return frontier


def _leaves(entries: Sequence[Document], after: int) -> list[bytes]:
    """Choose the leaves of the entries behind a position; raises ContradictionError for one without."""
    leaves = list[bytes]()
    for position, entry in enumerate(entries, after + 1):
        leaf = entry.get("leaf")
        if not isinstance(leaf, bytes) or len(leaf) != _LEAF_BYTES:
            raise ContradictionError(f"position {position} has no leaf", position)
        leaves.append(leaf)
    return leaves
