"""The keys that sign checkpoints and cosign them: Ed25519 (RFC 8032), with the name and key id of a signed note."""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_KEY_BYTES = 32
_NAME = re.compile(r"[^\s+]+")


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """The public key, which an auditor holds; `str` writes it as `name+key id+base64`."""

    algorithm: ClassVar[bytes] = b"\x01"

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form; ValueError for an invalid one."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        blob = _decoded(encoded)
        key = cls(name, blob[1:])
        if not _NAME.fullmatch(name) or blob[:1] != cls.algorithm or len(key.public) != _KEY_BYTES:
            raise ValueError("a verification key is name+key id+base64 of a type and an Ed25519 key")
        if key.key_id.hex() != key_id:
            raise ValueError("the key id of this verification key is not that of its key")
        return key

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + self.algorithm + self.public).digest()[:4]

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` is the private key's signature of `message`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.algorithm + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class WitnessKey(VerificationKey):
    """The public key of a witness, which signs with a time (c2sp.org/tlog-cosignature)."""

    algorithm: ClassVar[bytes] = b"\x04"


class SigningKey:
    """The private key and its name, from a seed of 32 bytes; ValueError for an invalid name or seed."""

    def __init__(self, name: str, seed: bytes) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError("must have no blanks and no +")
        if len(seed) != _KEY_BYTES:
            raise ValueError("must be 32 bytes in base64")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = VerificationKey(name, self._private.public_key().public_bytes_raw())

    @classmethod
    def from_base64(cls, name: str, seed: str) -> Self:
        """Read a seed in base64; ValueError for an invalid name or seed."""
        return cls(name, _decoded(seed))

    @property
    def name(self) -> str:
        return self.public.name

    @property
    def key_id(self) -> bytes:
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """Sign; the same message has the same signature."""
        return self._private.sign(message)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
