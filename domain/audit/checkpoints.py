"""Checkpoints: the size and the root of the log, as signed text.

The format is that of public transparency logs, so that their tools read it: a signed note
(c2sp.org/signed-note) whose text is a checkpoint (c2sp.org/tlog-checkpoint):

    origin
    size, decimal
    root, base64
    previous size, decimal: an extension line, so that a checkpoint that was removed is missed

    — key name base64(key id, 4 bytes, and signature)
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.audit.checkpoint_key import SigningKey, VerificationKey

_SIGNED_BY = "\u2014 "
_SIGNATURE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_PREVIOUS = re.compile(r"previous (0|[1-9][0-9]{0,18})", re.ASCII)
_KEY_ID_BYTES = 4
_ROOT_BYTES = 32


class ContradictionError(Exception):
    """The log differs from what was sealed or signed; `position`: where, None when it has none there."""

    holds_no_data = True

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class NoteError(ValueError):
    """The text is no signed note, or no trusted key has signed it."""

    holds_no_data = True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The root (SHA-256) of the Merkle tree over the first `size` commits of the log called `origin`.

    previous: the size of the checkpoint before it, 0 of the first one; None where an older version has signed.
    """

    origin: str
    size: int
    root: bytes
    previous: int | None = None

    def text(self) -> str:
        """Return the text that is signed."""
        text = f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"
        return text if self.previous is None else f"{text}previous {self.previous}\n"


def checkpoint_from(text: str) -> Checkpoint:
    """Parse a note's text; other extension lines than `previous` are ignored. NoteError when it is no checkpoint."""
    origin, size, root, *extensions = [*text.split("\n"), "", "", ""]
    if not origin or not _SIZE.fullmatch(size):
        raise NoteError("no checkpoint: its first lines are an origin and a size")
    decoded = _decoded(root)
    if len(decoded) != _ROOT_BYTES:
        raise NoteError("no checkpoint: its third line is a root of 32 bytes")
    previous = next((int(found[1]) for line in extensions if (found := _PREVIOUS.fullmatch(line))), None)
    return Checkpoint(origin, int(size), decoded, previous)


def sign_note(text: str, signer: SigningKey) -> str:
    """Append a signature to a text, which ends with a newline."""
    return f"{text}\n{NoteSignature(signer.name, signer.key_id, signer.sign(text.encode())).line()}"


class NoteSignature(NamedTuple):
    """One signature of a note; what follows the key id depends on the kind of the key."""

    name: str
    key_id: bytes
    signature: bytes

    def is_of(self, key: VerificationKey) -> bool:
        return (self.name, self.key_id) == (key.name, key.key_id)

    def line(self) -> str:
        """Write the line of a signed note."""
        return f"{_SIGNED_BY}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


def split_note(note: str) -> tuple[str, Sequence[NoteSignature]]:
    """Return the text and the signatures of a note, unverified; NoteError for a damaged one."""
    text, separator, below = note.rpartition("\n\n")
    lines = below.splitlines(keepends=True)
    if not separator or not lines:
        raise NoteError("no signed note: it needs a text, an empty line, and signatures")
    return f"{text}\n", [_signature(line) for line in lines]


def open_note(note: str, trusted: Sequence[VerificationKey]) -> str:
    """Return the text that a trusted key has signed; signatures of unknown keys are ignored.

    NoteError for a damaged note, for a wrong signature of a trusted key, and without a trusted signature.
    """
    text, signatures = split_note(note)
    verified = [_verifies(text, signature, trusted) for signature in signatures]
    if not any(verified):
        raise NoteError("not signed by a trusted key")
    return text


def _signature(line: str) -> NoteSignature:
    match = _SIGNATURE.fullmatch(line)
    if match is None:
        raise NoteError("no signed note: it needs a text, an empty line, and signatures")
    blob = _decoded(match[2])
    signature = NoteSignature(match[1], blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])
    if signature.line() != line:
        raise NoteError("the base64 of a signature has spare bits")
    return signature


def _verifies(text: str, signature: NoteSignature, trusted: Sequence[VerificationKey]) -> bool:
    """Tell whether a signature is of a trusted key; NoteError when such a one is wrong."""
    keys = [key for key in trusted if signature.is_of(key)]
    if not all(key.verifies(text.encode(), signature.signature) for key in keys):
        raise NoteError(f"the signature of {signature.name} is wrong")
    return bool(keys)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:  # characters beyond ASCII, too
        raise NoteError("not base64") from None
