from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from domain.audit.checkpoint_key import WitnessKey
from domain.audit.checkpoints import Checkpoint, ContradictionError, NoteError, checkpoint_from, split_note
from domain.audit.cosignatures import Cosignature, cosignature_from
from domain.audit.merkle import Frontier, Range
from store.audit.leaves import Leaves
from store.audit.merkle_nodes import MerkleNodes
from store.audit.stored_form import LENIENT, FormError, are_all, require_form
from store.fault_name import fault_name
from store.log.mongo_sealed_log import last_position
from store.mongo.connection import Database, Document, raises_unavailable, reachable

_FORM: Final = {"_id": int, "root": bytes, "frontier": list, "note": str, "time": datetime}
_COSIGNATURE: Final = {"witness": str, "line": str}


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed note, and the frontier of the tree from which the next checkpoint continues."""

    size: int
    root: bytes
    frontier: Frontier
    note: str
    time: datetime
    cosignatures: tuple[Cosignature, ...] = ()

    @property
    def cosigned_note(self) -> str:
        """The note with the lines of the witnesses."""
        return self.note + "".join(one.line() for one in self.cosignatures)


@raises_unavailable
class Checkpoints:
    """Checkpoints in collection `checkpoints`, one for each size; none is ever replaced, witnesses add signatures."""

    def __init__(self, database: Database, merkle_nodes: MerkleNodes | None = None) -> None:
        self.nodes = merkle_nodes or MerkleNodes(database)
        self._database = database
        self._checkpoints = database.get_collection("checkpoints", codec_options=LENIENT.with_options(tz_aware=True))
        self._log = database.get_collection("log")
        self._leaves = Leaves(database)

    async def latest(self) -> StoredCheckpoint | None:
        """Read the checkpoint of the largest size."""
        document = await self._checkpoints.find_one({}, sort=[("_id", DESCENDING)])
        return _stored(document) if document else None

    async def at(self, size: int) -> StoredCheckpoint | None:
        """Read the checkpoint of one size."""
        document = await self._checkpoints.find_one({"_id": size})
        return _stored(document) if document else None

    async def first_covering(self, position: int) -> StoredCheckpoint | None:
        """Read the smallest checkpoint that covers a position; None for none yet."""
        document = await self._checkpoints.find_one({"_id": {"$gte": position}}, sort=[("_id", ASCENDING)])
        return _stored(document) if document else None

    async def all(self) -> AsyncGenerator[StoredCheckpoint, None]:
        """Read every checkpoint, the smallest first."""
        with reachable():
            async for document in self._checkpoints.find({}).sort("_id", ASCENDING):
                yield _stored(document)

    async def sizes(self) -> list[int]:
        """List the sizes of all checkpoints."""
        found = self._checkpoints.find({"_id": {"$type": ["int", "long"]}}, {"_id": 1})
        return [int(document["_id"]) for document in await found.to_list(None)]

    async def record(self, checkpoint: StoredCheckpoint) -> StoredCheckpoint:
        """Store a checkpoint and return it, or the equal one that another process stored first.

        The Merkle nodes that its proofs need are stored before. Raises ContradictionError when the stored
        checkpoint of this size has another root.
        """
        await self.nodes.complete(checkpoint.size)
        try:
            await self._checkpoints.insert_one(_document(checkpoint))
        except DuplicateKeyError:
            earlier = await self.at(checkpoint.size)
            if earlier is None or earlier.root != checkpoint.root:
                raise ContradictionError(f"size {checkpoint.size}: the log has another root than was signed") from None
            return earlier
        return checkpoint

    async def head(self) -> int:
        """Read the last position of the log; 0 when it is empty. Raises ContradictionError for one that is none."""
        last = await last_position(self._database)
        if not isinstance(last, int):
            raise ContradictionError(f"{last} is no position")
        return last

    async def position_of(self, commit_id: str) -> int | None:
        """Read the position of a commit; None while it has none."""
        entry = await self._log.find_one({"commit": commit_id}, {"_id": 1})
        return entry["_id"] if entry else None

    async def cosign(self, size: int, cosignatures: Sequence[Cosignature]) -> None:
        """Add cosignatures to a checkpoint; the first of each witness is kept."""
        for one in cosignatures:
            witness = str(one.witness)
            without = {"_id": size, "cosignatures.witness": {"$ne": witness}}
            added = {"cosignatures": {"witness": witness, "line": one.line()}}
            await self._checkpoints.update_one(without, {"$push": added})

    async def grown(self, frontier: Frontier, size: int) -> Frontier:
        """Extend a tree to `size` leaves; raises ContradictionError for a gap in the log."""
        return await self._leaves.extend(frontier, frontier.size, size)

    async def proof(self, path: Sequence[Range]) -> list[bytes]:
        """Hash the subtrees that make up a proof in the tree of a stored checkpoint."""
        return await self.nodes.proof(path)


def _document(checkpoint: StoredCheckpoint) -> Document:
    return {
        "_id": checkpoint.size,
        "root": checkpoint.root,
        "frontier": list(checkpoint.frontier.hashes),
        "note": checkpoint.note,
        "time": checkpoint.time,
    }


def _stored(document: Document) -> StoredCheckpoint:
    """Read a checkpoint; raises ContradictionError when its parts do not lead to each other."""
    size = document["_id"]
    cosignatures = document.pop("cosignatures", [])
    try:
        require_form(document, _FORM, alone=True)
        hashes = document["frontier"]
        if not are_all(hashes, bytes):
            raise FormError("no list of hashes")
        frontier = Frontier(size, tuple(hashes))
        cosigned = tuple(_cosignature(one, document["note"]) for one in cosignatures)
        stored = StoredCheckpoint(size, document["root"], frontier, document["note"], document["time"], cosigned)
        leads = frontier.root() == stored.root
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ContradictionError(f"checkpoint {size} is damaged ({fault_name(error)})", size) from None
    if not leads:
        raise ContradictionError(f"checkpoint {size}: its frontier does not lead to its root", size)
    return stored


def _cosignature(document: Document, note: str) -> Cosignature:
    """Read a cosignature and verify it with the key that stands beside it."""
    require_form(document, _COSIGNATURE, alone=True)
    witness = WitnessKey.parse(document["witness"])
    if str(witness) != document["witness"]:
        raise ValueError("another spelling of a key")
    text, _ = split_note(note)
    return cosignature_from(document["line"], text, witness)


def noted_checkpoint(stored: StoredCheckpoint) -> Checkpoint:
    """Read the note of a stored checkpoint, unverified; raises ContradictionError for another size or root."""
    try:
        noted = checkpoint_from(split_note(stored.note)[0])
    except NoteError as error:
        raise ContradictionError(f"checkpoint {stored.size}: {error}", stored.size) from None
    if (noted.size, noted.root) != (stored.size, stored.root):
        raise ContradictionError(f"checkpoint {stored.size}: the note has another size or root", stored.size)
    return noted
