"""Merkle proofs: that an event is in the log, and that the log has only grown."""

import base64
from collections.abc import Sequence
from typing import Any

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import consistency_path, inclusion_path, verify_consistency, verify_inclusion
from events.commit import Commit, leaf_hash
from store.audit.checkpointing import require_signed
from store.audit.checkpoints import Checkpoints
from store.commits.contract import EventStore
from store.commits.unreadable import UNREADABLE


class NothingToProveError(Exception):
    """The event does not exist, or no checkpoint covers it yet."""


async def prove_event(
    event_id: str, events: EventStore, checkpoints: Checkpoints, trusted: Sequence[VerificationKey]
) -> dict[str, Any]:
    """Prove an event's commit against the latest checkpoint; hashes are base64, `index` counts from 0.

    Raises NothingToProveError, and ContradictionError when the log is not what was signed or cannot be read.
    """
    commit = await _commit_of(event_id, events)
    position = await checkpoints.position_of(commit.id)
    latest = await checkpoints.latest()
    if latest is None or position is None or position > latest.size:
        raise NothingToProveError(f"{event_id} is under no checkpoint yet: make one")
    require_signed(latest, trusted)
    index, leaf = position - 1, leaf_hash(commit.body)
    proof = await checkpoints.proof(inclusion_path(index, latest.size))
    if not verify_inclusion(leaf, index, latest.size, proof, latest.root):
        raise ContradictionError(f"position {position}: {commit.id} is not what was signed at {latest.size}")
    return {
        "event": event_id,
        "commit": commit.id,
        "index": index,
        "body": commit.body.decode(),
        "leaf": _base64(leaf),
        "proof": [_base64(node) for node in proof],
        "checkpoint": latest.note,
    }


async def prove_growth(size: int, checkpoints: Checkpoints, trusted: Sequence[VerificationKey]) -> dict[str, Any]:
    """Prove that the log of the latest checkpoint begins with that of an earlier one; errors as above."""
    old, new = await checkpoints.at(size), await checkpoints.latest()
    if old is None or new is None:
        raise NothingToProveError(f"there is no checkpoint of size {size}")
    for checkpoint in (old, new):
        require_signed(checkpoint, trusted)
    proof = await checkpoints.proof(consistency_path(old.size, new.size))
    if not verify_consistency(old.size, new.size, old.root, new.root, proof):
        raise ContradictionError(f"the log signed at {new.size} does not begin with the one signed at {size}")
    return {"old": old.note, "new": new.note, "proof": [_base64(node) for node in proof]}


async def _commit_of(event_id: str, events: EventStore) -> Commit:
    stream, _, version = event_id.rpartition(":")
    if not stream or not version.isdecimal() or version == "0":
        raise NothingToProveError(f"{event_id} is no event id: stream:version")
    try:
        following = await events.read(stream, after=int(version) - 1)
    except UNREADABLE as error:
        raise ContradictionError(f"{event_id} cannot be read: {error}") from error
    if not following:
        raise NothingToProveError(f"there is no event {event_id}")
    return following[0]


def _base64(node: bytes) -> str:
    return base64.b64encode(node).decode()
