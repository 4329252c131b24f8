"""Checkpoints: the size and the root of the log, as signed text.

The format is that of public transparency logs, so that their tools read it: a signed note
(c2sp.org/signed-note) whose text is a checkpoint (c2sp.org/tlog-checkpoint):

    origin
    size, decimal
    root, base64

    — key name base64(key id, 4 bytes, and signature)
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.audit.checkpoint_key import SigningKey, VerificationKey

_SIGNED_BY = "\u2014 "
_SIGNATURE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_ID_BYTES = 4
_ROOT_BYTES = 32


class ContradictionError(Exception):
    """The log differs from what was sealed or signed."""


class NoteError(ValueError):
    """The text is no signed note, or no trusted key has signed it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The root (SHA-256) of the Merkle tree over the first `size` commits of the log called `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def checkpoint_from(text: str) -> Checkpoint:
    """Parse a note's text; extension lines are ignored. NoteError when it is no checkpoint."""
    origin, size, root, *_ = [*text.split("\n"), "", "", ""]
    if not origin or not _SIZE.fullmatch(size):
        raise NoteError("no checkpoint: its first lines are an origin and a size")
    decoded = _decoded(root)
    if len(decoded) != _ROOT_BYTES:
        raise NoteError("no checkpoint: its third line is a root of 32 bytes")
    return Checkpoint(origin, int(size), decoded)


def sign_note(text: str, signer: SigningKey) -> str:
    """Append a signature to a text, which ends with a newline."""
    signature = base64.b64encode(signer.key_id + signer.sign(text.encode())).decode()
    return f"{text}\n{_SIGNED_BY}{signer.name} {signature}\n"


def open_note(note: str, trusted: Sequence[VerificationKey]) -> str:
    """Return the text that a trusted key has signed; signatures of unknown keys are ignored.

    NoteError for a damaged note, for a wrong signature of a trusted key, and without a trusted signature.
    """
    text, separator, below = note.rpartition("\n\n")
    lines = below.splitlines(keepends=True)
    found = [_SIGNATURE.fullmatch(line) for line in lines]
    if not separator or not lines or None in found:
        raise NoteError("no signed note: it needs a text, an empty line, and signatures")
    text += "\n"
    verified = [_verifies(text, match[1], match[2], trusted) for match in found if match]
    if not any(verified):
        raise NoteError("not signed by a trusted key")
    return text


def _verifies(text: str, name: str, encoded: str, trusted: Sequence[VerificationKey]) -> bool:
    """Tell whether a signature is of a trusted key; NoteError when such a one is wrong."""
    blob = _decoded(encoded)
    key_id, signature = blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:]
    keys = [key for key in trusted if (key.name, key.key_id) == (name, key_id)]
    if not all(key.verifies(text.encode(), signature) for key in keys):
        raise NoteError(f"the signature of {name} is wrong")
    return bool(keys)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:  # characters beyond ASCII, too
        raise NoteError("not base64") from None
