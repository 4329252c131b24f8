"""The salted hashes by which the log names what clients wrote and sent, and pictures."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

RETRY_CHOICES: Final = (b"same", b"new")
"""How the seed of a retry is chosen, as its fingerprint hashes it."""


def salted_digest(salt: bytes, *parts: bytes) -> str:
    """Return the hexadecimal SHA-256 of a salt and of parts with their lengths."""
    hasher = hashlib.sha256(salt)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.hexdigest()


def answer_digest(salt: bytes, texts: Mapping[str, Any]) -> str:
    """Hash what the provider answered about a prediction, as it is kept beside the log."""
    return salted_digest(salt, json.dumps(texts, sort_keys=True, separators=(",", ":")).encode())


def example_digest(salt: bytes, number: int, sha256: str) -> str:
    """Name an example by salt, plain hash, and the position, from 0, of the first example that equals it."""
    return hashlib.sha256(salt + number.to_bytes(2, "big") + bytes.fromhex(sha256)).hexdigest()
