"""The salted hashes by which the log names what clients wrote and sent, and pictures."""

import hashlib


def salted_digest(salt: bytes, *parts: bytes) -> str:
    """Return the hexadecimal SHA-256 of a salt and of parts with their lengths."""
    hasher = hashlib.sha256(salt)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.hexdigest()


def example_digest(salt: bytes, number: int, sha256: str) -> str:
    """Name an example by salt, plain hash, and the position, from 0, of the first example that equals it."""
    return hashlib.sha256(salt + number.to_bytes(2, "big") + bytes.fromhex(sha256)).hexdigest()
