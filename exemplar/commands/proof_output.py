"""Proofs as the JSON that `exemplar audit` prints."""

import base64
from collections.abc import Sequence
from typing import Any

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import ContradictionError
from events.commit import Commit, leaf_hash
from store.audit.checkpointing import require_signed
from store.audit.checkpoints import Checkpoints
from store.audit.proofs import NothingToProveError, prove_consistency, prove_inclusion
from store.commits.contract import EventStore
from store.commits.unreadable import UNREADABLE, reason_of


async def prove_event(
    event_id: str, events: EventStore, checkpoints: Checkpoints, trusted: Sequence[VerificationKey]
) -> dict[str, Any]:
    """Prove an event's commit against the latest checkpoint; hashes are base64, `index` counts from 0.

    Raises NothingToProveError, and ContradictionError when the log is not what was signed or cannot be read.
    """
    proof = await prove_inclusion(await _commit_of(event_id, events), checkpoints)
    require_signed(proof.checkpoint, trusted)
    return {
        "event": event_id,
        "commit": proof.commit.id,
        "index": proof.index,
        "body": proof.commit.body.decode(),
        "leaf": _base64(leaf_hash(proof.commit.body)),
        "proof": [_base64(node) for node in proof.hashes],
        "checkpoint": proof.checkpoint.cosigned_note,
    }


async def prove_growth(size: int, checkpoints: Checkpoints, trusted: Sequence[VerificationKey]) -> dict[str, Any]:
    """Prove that the log of the latest checkpoint begins with that of an earlier one; errors as above."""
    old, new = await checkpoints.at(size), await checkpoints.latest()
    if old is None or new is None:
        raise NothingToProveError(f"there is no checkpoint of size {size}")
    for checkpoint in (old, new):
        require_signed(checkpoint, trusted)
    proof = await prove_consistency(size, new, checkpoints)
    return {"old": old.note, "new": new.cosigned_note, "proof": [_base64(node) for node in proof.hashes]}


async def _commit_of(event_id: str, events: EventStore) -> Commit:
    stream, _, version = event_id.rpartition(":")
    if not stream or not version.isdecimal() or version == "0":
        raise NothingToProveError(f"{event_id} is no event id: stream:version")
    try:
        following = await events.read(stream, after=int(version) - 1)
    except UNREADABLE as error:
        raise ContradictionError(f"{event_id} cannot be read: {reason_of(error)}") from error
    if not following:
        raise NothingToProveError(f"there is no event {event_id}")
    return following[0]


def _base64(node: bytes) -> str:
    return base64.b64encode(node).decode()
