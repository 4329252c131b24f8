"""Key pairs by the asymmetric form of Standard Webhooks, `v1a`: who verifies a message cannot sign one.

Nothing is stored: each master key gives each signer its Ed25519 key. A signer is a project, or a user in it for the
webhooks of that user's requests, so that no other tenant's messages verify with its public key.
"""

import base64
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.webhooks.master_keys import MasterKeys

PUBLIC_PREFIX: Final = "whpk_"
MOST_KEYS: Final = 4  # that sign at the same time; each lengthens the header of every attempt


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair of a signer; `id` is the version of its master key."""

    id: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self.private.public_key().public_bytes_raw()

    @property
    def text(self) -> str:
        """The public key as Standard Webhooks writes it: `whpk_` and Base64."""
        return PUBLIC_PREFIX + base64.b64encode(self.public).decode()

    def sign(self, content: bytes) -> str:
        """Sign the content of a message: `v1a,` and Base64."""
        return f"v1a,{base64.b64encode(self.private.sign(content)).decode()}"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys of every signer: the current master key's first, then those of the others, the newest first.

    All of them sign, so that a receiver that knows an older or a newer public key alone loses no message while a
    master key is changed.
    """

    master_keys: MasterKeys

    def of_project(self, project: str) -> list[SigningKey]:
        """Derive the keys that sign the messages of a project."""
        return self._of(project)

    def of_user(self, project: str, user: str) -> list[SigningKey]:
        """Derive the keys that sign the webhooks of one user's requests beside those of the project."""
        return self._of(f"{project}/{user}")

    def _of(self, signer: str) -> list[SigningKey]:
        current = self.master_keys.current
        versions = sorted(self.master_keys.keys, key=lambda version: (version == current, version), reverse=True)
        return [self._key(version, signer) for version in versions[:MOST_KEYS]]

    def _key(self, version: int, signer: str) -> SigningKey:
        seed = self.master_keys.signing_seed(version, signer)
        return SigningKey(str(version), Ed25519PrivateKey.from_private_bytes(seed))
