"""Readers of the texts of transparency logs, written from their specifications without the product's code."""

import base64
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint whose signature was verified (c2sp.org/tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """c2sp.org/tlog-proof."""

    extra: bytes
    index: int
    hashes: list[bytes]
    note: str


def read_proof(text: str) -> InclusionProof:
    head, _, note = text.partition("\n\n")
    version, extra, index, *hashes = head.split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    assert (extra[:6], index[:6]) == ("extra ", "index ")
    return InclusionProof(base64.b64decode(extra[6:]), int(index[6:]), [*map(base64.b64decode, hashes)], note)


def read_growth(text: str) -> tuple[int, list[bytes], str]:
    """Read the size, the hashes and the note of a request for a cosignature (c2sp.org/tlog-witness)."""
    head, _, note = text.partition("\n\n")
    old, *hashes = head.split("\n")
    assert old[:4] == "old "
    return int(old[4:]), [*map(base64.b64decode, hashes)], note


def read_checkpoint(note: str, key: str) -> Checkpoint:
    """Verify the signature of the log (c2sp.org/signed-note); other lines are ignored."""
    name, key_id, public = key.split("+", 2)
    typed = base64.b64decode(public)
    assert sha256(name.encode() + b"\n" + typed).hexdigest()[:8] == key_id
    text, _, below = note.partition("\n\n")
    blobs = [base64.b64decode(line.split(" ")[2]) for line in below.splitlines() if line.split(" ")[1] == name]
    [signature] = [blob[4:] for blob in blobs if blob[:4].hex() == key_id]
    Ed25519PublicKey.from_public_bytes(typed[1:]).verify(signature, f"{text}\n".encode())
    origin, size, root, *_ = text.split("\n")
    return Checkpoint(origin, int(size), base64.b64decode(root))
