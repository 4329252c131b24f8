"""The keys under which webhook secrets are kept: a copy of the database signs nothing.

A secret is sealed with AES-256-GCM under a key that HMAC-SHA256 derives from the master key of its version;
the endpoint is sealed in, so that a sealed secret moved to another endpoint does not open.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MASTER_KEY_SHORTEST: Final = 32
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"exemplar webhook secrets"
_HOSTS: Final = b"exemplar webhook hosts"


class LostKeyError(Exception):
    """A secret does not open: the master key of its version is not there, or is another one."""

    def __init__(self, version: int) -> None:
        super().__init__(f"master key {version} does not open the secret")
        self.version = version


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is kept; `version` names the master key that opens it."""

    version: int
    nonce: bytes
    box: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Master keys by version; the `chosen` one seals (None: the highest), all of them open."""

    keys: Mapping[int, str] = field(repr=False)
    chosen: int | None = None

    def __post_init__(self) -> None:
        shortest = min((len(key.encode()) for key in self.keys.values()), default=0)
        if shortest < MASTER_KEY_SHORTEST or min(self.keys) < 1:
            raise ValueError(
                f"at least one is needed, each of {MASTER_KEY_SHORTEST} bytes or more, versions from 1"
            )
        if self.chosen is not None and self.chosen not in self.keys:
            raise ValueError(f"version {self.chosen} is to seal secrets and is not among them")

    @property
    def current(self) -> int:
        return max(self.keys) if self.chosen is None else self.chosen

    @property
    def host_key(self) -> bytes:
        """Derive what hosts of receivers are hashed with."""
        return hmac.digest(self.keys[self.current].encode(), _HOSTS, "sha256")

    def seal(self, endpoint: str, secret: str, randomness: Callable[[int], bytes]) -> Sealed:
        """Seal an endpoint's secret for keeping."""
        version, nonce = self.current, randomness(_NONCE_BYTES)
        box = self._cipher(version).encrypt(nonce, secret.encode(), _label(version, endpoint))
        return Sealed(version, nonce, box)

    def open(self, endpoint: str, sealed: Sealed) -> str:
        """Read a sealed secret; LostKeyError when its master key is not there."""
        if sealed.version not in self.keys:
            raise LostKeyError(sealed.version)
        try:
            label = _label(sealed.version, endpoint)
            return self._cipher(sealed.version).decrypt(sealed.nonce, sealed.box, label).decode()
        except InvalidTag:
            raise LostKeyError(sealed.version) from None

    def _cipher(self, version: int) -> AESGCM:
        return AESGCM(hmac.digest(self.keys[version].encode(), _PURPOSE, "sha256"))


class MasterKeySettings(BaseSettings):
    """What webhook secrets are sealed with."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_WEBHOOK_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    master_keys: dict[int, SecretStr] = Field(
        description="JSON of keys that webhook secrets are sealed with, by version: "
        '{"1": "32 bytes or more"}; to rotate add a higher version and keep the old one ten minutes longer'
    )
    master_key_current: int | None = Field(
        None,
        description="Version that seals webhook secrets; empty: the highest. Set it while processes that do "
        "not know a new version yet still run",
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        assert self.keys  # noqa: S101 - building them judges them
        return self

    @property
    def keys(self) -> MasterKeys:
        """The same as the rules want it."""
        keys = {version: key.get_secret_value() for version, key in self.master_keys.items()}
        return MasterKeys(keys, self.master_key_current)


def _label(version: int, endpoint: str) -> bytes:
    return f"{version}/{endpoint}".encode()
