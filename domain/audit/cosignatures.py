"""Cosignatures: what witnesses sign of a checkpoint, with a time (c2sp.org/tlog-cosignature, Ed25519).

A witness signs only what continues the checkpoint that it signed before. Who asks for cosignatures of witnesses that
it chose itself cannot be shown another history than others are.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from domain.audit.checkpoint_key import WitnessKey
from domain.audit.checkpoints import NoteError, NoteSignature, split_note

_TIME: Final = struct.Struct(">Q")
_LATEST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified signature of a checkpoint's text by a witness; `time` in seconds since 1970."""

    witness: WitnessKey
    time: int
    signature: bytes

    @classmethod
    def of(cls, text: str, signature: NoteSignature, witness: WitnessKey) -> Self:
        """Verify a signature of a witness; NoteError for a wrong one."""
        blob = signature.signature
        time = _TIME.unpack_from(blob)[0] if len(blob) > _TIME.size else _LATEST
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        if not signature.is_of(witness) or time >= _LATEST or not witness.verifies(message, blob[_TIME.size :]):
            raise NoteError(f"the cosignature of {witness.name} is wrong")
        return cls(witness, time, blob[_TIME.size :])

    def line(self) -> str:
        """Write the line of a signed note."""
        signature = _TIME.pack(self.time) + self.signature
        return NoteSignature(self.witness.name, self.witness.key_id, signature).line()


def cosignatures_in(note: str, witnesses: Sequence[WitnessKey]) -> Sequence[Cosignature]:
    """Verify what these witnesses have signed of a note; signatures of others are ignored.

    NoteError for a damaged note, for a wrong signature of a witness, and without a signature of any.
    """
    text, signatures = split_note(note)
    found = [
        Cosignature.of(text, signature, witness)
        for signature in signatures
        for witness in witnesses
        if signature.is_of(witness)
    ]
    if not found:
        raise NoteError("not cosigned by a configured witness")
    return found


def cosignature_from(line: str, text: str, witness: WitnessKey) -> Cosignature:
    """Verify the line that a witness has added to a note; ValueError for a wrong one."""
    _, [signature] = split_note(f"{text}\n{line}")
    return Cosignature.of(text, signature, witness)
