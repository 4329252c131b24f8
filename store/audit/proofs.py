"""Merkle proofs: that a commit is in the log, and that the log has only grown."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import consistency_path, inclusion_path, verify_consistency, verify_inclusion
from domain.audit.proof_texts import consistency_text, inclusion_text
from events.commit import Commit, leaf_hash
from store.audit.checkpoints import Checkpoints, StoredCheckpoint, noted_checkpoint


class NothingToProveError(Exception):
    """The event does not exist, or no checkpoint covers it yet."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That a commit is in the log of a checkpoint; `index` counts from 0."""

    commit: Commit
    index: int
    hashes: Sequence[bytes]
    checkpoint: StoredCheckpoint

    def text(self) -> str:
        """Write it with the body of the commit (c2sp.org/tlog-proof)."""
        return inclusion_text(self.index, self.hashes, self.checkpoint.cosigned_note, self.commit.body)


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That the log of a checkpoint begins with its first `size` commits, and their root."""

    size: int
    hashes: Sequence[bytes]
    checkpoint: StoredCheckpoint

    def text(self) -> str:
        """Write it as a witness reads it (c2sp.org/tlog-witness)."""
        return consistency_text(self.size, self.hashes, self.checkpoint.cosigned_note)


async def prove_inclusion(commit: Commit, checkpoints: Checkpoints, *, earliest: bool = False) -> InclusionProof:
    """Prove a commit against the latest checkpoint, or the `earliest` one, whose proof never changes.

    Raises NothingToProveError, and ContradictionError when the log is not what was signed. Whose signature it is
    is left to the reader.
    """
    position = await checkpoints.position_of(commit.id)
    found = await (checkpoints.first_covering(position or 0) if earliest else checkpoints.latest())
    if found is None or position is None or position > found.size:
        raise NothingToProveError(f"{commit.id} is under no checkpoint yet: make one")
    noted_checkpoint(found)
    index, leaf = position - 1, leaf_hash(commit.body)
    hashes = await checkpoints.proof(inclusion_path(index, found.size))
    if not verify_inclusion(leaf, index, found.size, hashes, found.root):
        message = f"position {position}: {commit.id} is not what was signed at {found.size}"
        raise ContradictionError(message, position)
    return InclusionProof(commit, index, hashes, found)


async def prove_consistency(size: int, checkpoint: StoredCheckpoint, checkpoints: Checkpoints) -> ConsistencyProof:
    """Prove that the log of a checkpoint begins with its first `size` commits; raises ContradictionError.

    An earlier checkpoint of that size must agree.
    """
    noted_checkpoint(checkpoint)
    if size in (0, checkpoint.size):
        return ConsistencyProof(size, [], checkpoint)
    hashes = await checkpoints.proof(consistency_path(size, checkpoint.size))
    old = await checkpoints.at(size)
    if old is not None and not verify_consistency(size, checkpoint.size, old.root, checkpoint.root, hashes):
        message = f"the log signed at {checkpoint.size} does not begin with the one signed at {size}"
        raise ContradictionError(message, size)
    return ConsistencyProof(size, hashes, checkpoint)
