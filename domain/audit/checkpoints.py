"""Checkpoints: what the log was at a size, as signed text.

The form is that of public transparency logs, so that their tools read it: a signed note
(c2sp.org/signed-note) whose text is a checkpoint (c2sp.org/tlog-checkpoint):

    origin
    size, decimal
    root, base64

    — key name base64(key id, 4 bytes, and signature)
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_SIGNED_BY = "\u2014 "
_SIGNATURE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_ID_BYTES = 4
_ROOT_BYTES = 32


class ContradictionError(Exception):
    """The log is not what was sealed or signed."""


class NoteError(ValueError):
    """This is no note, or nobody who is trusted has signed it."""


class Signer(Protocol):
    """A key that signs under a name."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class Verifier(Protocol):
    """A key that is trusted under a name."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes: ...

    def verifies(self, message: bytes, signature: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The root (SHA-256) of the Merkle tree over the first `size` commits of the log called `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Write the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def checkpoint_from(text: str) -> Checkpoint:
    """Read a note's text; extension lines are passed over. NoteError when it is no checkpoint."""
    origin, size, root, *_ = [*text.split("\n"), "", "", ""]
    if not origin or not _SIZE.fullmatch(size):
        raise NoteError("no checkpoint: its first lines are an origin and a size")
    decoded = _decoded(root)
    if len(decoded) != _ROOT_BYTES:
        raise NoteError("no checkpoint: its third line is a root of 32 bytes")
    return Checkpoint(origin, int(size), decoded)


def sign_note(text: str, signer: Signer) -> str:
    """Put a signature below a text, which ends with a newline."""
    signature = base64.b64encode(signer.key_id + signer.sign(text.encode())).decode()
    return f"{text}\n{_SIGNED_BY}{signer.name} {signature}\n"


def open_note(note: str, trusted: Sequence[Verifier]) -> str:
    """Return the text that a trusted key has signed; signatures of strangers are passed over.

    NoteError for a damaged note, for a wrong signature of a trusted key, and when none is there.
    """
    text, separator, below = note.rpartition("\n\n")
    lines = below.splitlines(keepends=True)
    found = [_SIGNATURE.fullmatch(line) for line in lines]
    if not separator or not lines or None in found:
        raise NoteError("no signed note: a text, an empty line, and signatures")
    text += "\n"
    signed = False
    for name, encoded in (match.groups() for match in found if match):
        blob = _decoded(encoded)
        key_id, signature = blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:]
        for key in trusted:
            if (key.name, key.key_id) != (name, key_id):
                continue
            if not key.verifies(text.encode(), signature):
                raise NoteError(f"the signature of {name} is wrong")
            signed = True
    if not signed:
        raise NoteError("not signed by a trusted key")
    return text


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise NoteError("not base64") from None
