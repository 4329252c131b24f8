"""Encryption of webhook signing secrets, so that a copy of the database cannot sign.

A secret is encrypted with AES-256-GCM under a key derived (HMAC-SHA256) from the master key of its version.
The endpoint's id is authenticated too: a stored secret moved to another endpoint does not decrypt.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_KEY_SHORTEST: Final = 32
_NONCE_BYTES: Final = 12
_SECRETS: Final = b"exemplar webhook secrets"
_HOSTS: Final = b"exemplar webhook hosts"
_SIGNERS: Final = b"exemplar webhook signers"


class SecretLostError(Exception):
    """An endpoint's secret cannot be decrypted: rotate it, or restore its master key."""

    holds_no_data = True

    def __init__(self, endpoint: str, cause: str) -> None:
        super().__init__(f"the secret of {endpoint} is lost: {cause}")


@dataclass(frozen=True, slots=True)
class EncryptedSecret:
    """A signing secret as it is stored; `version` names the master key that decrypts it."""

    version: int
    nonce: bytes
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Master keys by version; the `chosen` one encrypts (None: the highest), all of them decrypt."""

    keys: Mapping[int, str] = field(repr=False)
    chosen: int | None = None

    def __post_init__(self) -> None:
        shortest = min((len(key.encode()) for key in self.keys.values()), default=0)
        if shortest < MASTER_KEY_SHORTEST or min(self.keys) < 1:
            raise ValueError(f"at least one is needed, each of {MASTER_KEY_SHORTEST} bytes or more, versions from 1")
        if self.chosen is not None and self.chosen not in self.keys:
            raise ValueError(f"version {self.chosen} is to encrypt secrets and is not among them")

    @property
    def current(self) -> int:
        return max(self.keys) if self.chosen is None else self.chosen

    @property
    def host_key(self) -> bytes:
        """Derive the key that receivers' hosts are hashed with."""
        return hmac.digest(self.keys[self.current].encode(), _HOSTS, "sha256")

    def signing_seed(self, version: int, signer: str) -> bytes:
        """Derive the 32 bytes of a signer's private key under one master key."""
        key = hmac.digest(self.keys[version].encode(), _SIGNERS, "sha256")
        return hmac.digest(key, signer.encode(), "sha256")

    def encrypt(self, endpoint: str, secret: str, randomness: Callable[[int], bytes]) -> EncryptedSecret:
        """Encrypt an endpoint's secret; `randomness(n)` returns n bytes."""
        version, nonce = self.current, randomness(_NONCE_BYTES)
        ciphertext = self._cipher(version).encrypt(nonce, secret.encode(), _context(version, endpoint))
        return EncryptedSecret(version, nonce, ciphertext)

    def decrypt(self, endpoint: str, stored: EncryptedSecret) -> str:
        """Decrypt a stored secret; raises SecretLostError when its master key is missing or another one."""
        try:
            cipher, context = self._cipher(stored.version), _context(stored.version, endpoint)
            return cipher.decrypt(stored.nonce, stored.ciphertext, context).decode()
        except (KeyError, InvalidTag):
            cause = f"master key {stored.version} does not decrypt it"
            raise SecretLostError(endpoint, cause) from None

    def _cipher(self, version: int) -> AESGCM:
        return AESGCM(hmac.digest(self.keys[version].encode(), _SECRETS, "sha256"))


def _context(version: int, endpoint: str) -> bytes:
    return f"{version}/{endpoint}".encode()
