"""The key that signs checkpoints: Ed25519 (RFC 8032), named and numbered as signed notes want it."""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ED25519 = b"\x01"
_KEY_BYTES = 32
_NAME = re.compile(r"[^\s+]+")


class CheckpointSettings(BaseSettings):
    """Who signs checkpoints of the sealed order."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    checkpoint_key: SecretStr | None = Field(
        None,
        description="Signs checkpoints of the log: openssl rand -base64 32; empty: none are made",
    )
    checkpoint_origin: str = Field(
        "exemplar",
        description="Name of this log in its checkpoints, without blanks; best a host of yours",
    )

    checkpoint_retired_keys: tuple[str, ...] = Field(
        (), description="JSON list of verification keys that signed earlier checkpoints of this log"
    )

    @field_validator("checkpoint_key")
    @classmethod
    def _a_seed(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(_decoded(key.get_secret_value())) != _KEY_BYTES:
            raise ValueError("must be 32 bytes in base64")
        return key

    @field_validator("checkpoint_origin")
    @classmethod
    def _a_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("must have no blanks and no +")
        return name

    @field_validator("checkpoint_retired_keys")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            VerificationKey.parse(key)
        return keys

    @property
    def signer(self) -> "SigningKey | None":
        """The key to sign with; None when there is none."""
        if self.checkpoint_key is None:
            return None
        return SigningKey(self.checkpoint_origin, _decoded(self.checkpoint_key.get_secret_value()))

    @property
    def trusted(self) -> "tuple[VerificationKey, ...]":
        """The keys whose checkpoints are ours: that of the signer and the retired ones."""
        own = () if self.signer is None else (self.signer.public,)
        return (*own, *(VerificationKey.parse(key) for key in self.checkpoint_retired_keys))


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """The public half, which an auditor holds; `str` writes it as `name+key id+base64`."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form; ValueError for anything else."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        blob = _decoded(encoded)
        key = cls(name, blob[1:])
        if not _NAME.fullmatch(name) or blob[:1] != _ED25519 or len(key.public) != _KEY_BYTES:
            raise ValueError("a verification key is name+key id+base64 of an Ed25519 key")
        if key.key_id.hex() != key_id:
            raise ValueError("the key id of this verification key is not that of its key")
        return key

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the private half has signed this."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


class SigningKey:
    """The private half under its name, from a seed of 32 bytes."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = VerificationKey(name, self._private.public_key().public_bytes_raw())

    @property
    def name(self) -> str:
        return self.public.name

    @property
    def key_id(self) -> bytes:
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """Sign: the same message always in the same way."""
        return self._private.sign(message)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
