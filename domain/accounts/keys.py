"""Developer keys, API keys and access keys, and the keyed hashes under which they are stored.

A key has enough entropy for a keyed hash (HMAC-SHA256, the pepper outside of the database) to be looked up.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Randomness = Callable[[int], bytes]

DEVELOPER_KEY_PREFIX = "ak"
API_KEY_PREFIX = "pk"
ACCESS_KEY_PREFIX = "ek"
PEPPER_SHORTEST = 32

_KEY = re.compile(r"[A-Za-z]{2}_[A-Za-z0-9_-]{32}", re.ASCII)


def mint(prefix: str, randomness: Randomness = secrets.token_bytes) -> str:
    """Return a new key: the prefix, an underscore and 32 URL-safe characters from 24 random bytes."""
    return f"{prefix}_{base64.urlsafe_b64encode(randomness(24)).decode()}"


def display_prefix(key: str) -> str:
    """Return the part of a key that may be displayed: its prefix and five characters."""
    return key[:8]


def is_key(text: str) -> bool:
    """Tell whether a text has the shape of a key, with any prefix of two characters."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Peppers:
    """Secrets by version number; the `chosen` one hashes (None: the highest), all are accepted.

    A hash is `<version>:<hex>`. To rotate, add a version: a key works while its version is listed, and is
    hashed with the current one when it is next used.
    """

    secrets: Mapping[int, str] = field(repr=False)
    chosen: int | None = None

    def __post_init__(self) -> None:
        shortest = min((len(pepper.encode()) for pepper in self.secrets.values()), default=0)
        if shortest < PEPPER_SHORTEST:
            raise ValueError(f"key peppers: at least one is needed, each of {PEPPER_SHORTEST} bytes or more")
        if self.chosen is not None and self.chosen not in self.secrets:
            raise ValueError(f"key peppers: version {self.chosen} is to hash keys and is not among them")

    @property
    def current(self) -> int:
        return max(self.secrets) if self.chosen is None else self.chosen

    def hash(self, key: str) -> str:
        return self._hash(self.current, key)

    def candidates(self, key: str | None) -> tuple[str, ...]:
        """Return every hash under which a key may be stored; none for a malformed key."""
        if key is None or not is_key(key):
            return ()
        return tuple(self._hash(version, key) for version in sorted(self.secrets, reverse=True))

    def hashes(self, text: str) -> tuple[str, ...]:
        """Return the hashes of any text by all versions, the current one first."""
        others = (version for version in self.secrets if version != self.current)
        return tuple(self._hash(version, text) for version in (self.current, *others))

    def _hash(self, version: int, key: str) -> str:
        return f"{version}:{hmac.digest(self.secrets[version].encode(), key.encode(), 'sha256').hex()}"


def is_outdated(stored: str, present: str) -> bool:
    """Tell whether a hash was made with an older pepper than another.

    While a rotation goes on, some processes hash with the former pepper: they must not take back what others moved.
    """
    return _version_of(stored) < _version_of(present)


def _version_of(hashed: str) -> int:
    return int(hashed.partition(":")[0])
