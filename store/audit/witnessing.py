"""Keep what witnesses have signed of the checkpoints of this log."""

from collections.abc import Sequence

from domain.audit.checkpoint_key import WitnessKey
from domain.audit.checkpoints import NoteError, checkpoint_from, split_note
from domain.audit.cosignatures import cosignatures_in
from store.audit.checkpoints import Checkpoints, StoredCheckpoint


async def keep_cosignatures(note: str, witnesses: Sequence[WitnessKey], checkpoints: Checkpoints) -> StoredCheckpoint:
    """Verify a note that witnesses have signed, and add their signatures to the stored checkpoint; repeatable.

    NoteError for a note of no stored checkpoint, a wrong signature of a witness, and none of any.
    """
    text, _ = split_note(note)
    size = checkpoint_from(text).size
    stored = await checkpoints.at(size)
    if stored is None or split_note(stored.note)[0] != text:
        raise NoteError("this is no checkpoint of this log")
    await checkpoints.cosign(size, cosignatures_in(note, witnesses))
    return await checkpoints.at(size) or stored
