"""Secrets that people and programs present: keys, passwords, and the e-mail address a password belongs to.

A key is high in entropy, so a keyed hash (HMAC-SHA256, the pepper outside of the database) is enough and can
be looked up; a password is not, so it gets argon2id (RFC 9106).
"""

import asyncio
import base64
import hmac
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import ErrorCode, ExemplarError

Randomness = Callable[[int], bytes]

DEVELOPER_KEY_PREFIX = "ak"
API_KEY_PREFIX = "pk"
EMAIL_LONGEST = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets
PASSWORD_SHORTEST = 8
PASSWORD_LONGEST = 128
PEPPER_SHORTEST = 32

_KEY = re.compile(r"[A-Za-z]{2}_[A-Za-z0-9_-]{32}", re.ASCII)
_LABEL = r"[^\W_](?:[^\W_]|-){0,61}[^\W_]|[^\W_]"
_EMAIL = re.compile(rf"[^\s@\"(),:;<>\[\\\]\x00-\x20\x7f-\x9f]{{1,64}}@(?:(?:{_LABEL})\.)+(?:{_LABEL})")

# What cannot be seen, or turns what is read around: two addresses that look alike would be two accounts.
_NOT_OF_EMAIL = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})


def mint(prefix: str, randomness: Randomness = secrets.token_bytes) -> str:
    """Make a key: the prefix, an underscore and 32 URL-safe characters out of 24 random bytes."""
    return f"{prefix}_{base64.urlsafe_b64encode(randomness(24)).decode()}"


def display_prefix(key: str) -> str:
    """Return the part of a key that may be shown: its prefix and five characters."""
    return key[:8]


def is_key(text: str) -> bool:
    """Tell whether a text has the shape of a key, whatever its two letters are."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Peppers:
    """Secrets by version number; the `chosen` one hashes (None: the highest), all are recognised.

    A hash reads `<version>:<hex>`. To rotate, add a version: a key works while its version is listed, and
    moves to the one that hashes when it is next used.
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
        """Hash a key for keeping."""
        return self._hash(self.current, key)

    def candidates(self, key: str | None) -> tuple[str, ...]:
        """Return every hash under which a presented key may be kept; none for what cannot be a key."""
        if key is None or not is_key(key):
            return ()
        return tuple(self._hash(version, key) for version in sorted(self.secrets, reverse=True))

    def hashes(self, text: str) -> tuple[str, ...]:
        """Return every hash of any text: the one under which it is kept now, then those of other versions."""
        others = (version for version in self.secrets if version != self.current)
        return tuple(self._hash(version, text) for version in (self.current, *others))

    def _hash(self, version: int, key: str) -> str:
        return f"{version}:{hmac.digest(self.secrets[version].encode(), key.encode(), 'sha256').hex()}"


def normal_email(text: str) -> str:
    """Return an address in the one form in which it is kept and compared; ValueError when it is none."""
    email = unicodedata.normalize("NFC", text.strip()).lower()
    unseen = any(unicodedata.category(character) in _NOT_OF_EMAIL for character in email)
    if unseen or len(email) > EMAIL_LONGEST or _EMAIL.fullmatch(email) is None:
        raise ValueError("value is not a valid email address")
    return email


def check_password(text: str) -> str:
    """Return a password that may be chosen; ValueError says what is wrong with it."""
    if not PASSWORD_SHORTEST <= len(text) <= PASSWORD_LONGEST:
        raise ValueError(f"password must have {PASSWORD_SHORTEST} to {PASSWORD_LONGEST} characters")
    if not text.strip():
        raise ValueError("password must not be blank")
    return text


class PasswordSettings(BaseSettings):
    """What guessing a password costs, ours and theirs."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_PASSWORD_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    memory_kib: int = Field(65_536, ge=8, description="Memory of one password hash (argon2id), KiB")
    passes: int = Field(2, ge=1, description="Passes over that memory")
    lanes: int = Field(1, ge=1, description="Threads of one password hash")
    at_once: int = Field(2, ge=1, description="Password hashes computed at the same time, per process")
    queue: int = Field(64, ge=0, description="Passwords that wait for their turn, per process; above: 503")
    queue_timeout: float = Field(5, gt=0, description="Seconds a password waits for its turn until 503")


class Passwords:
    """Hash and verify passwords in threads, only so many at once; `server_busy` when too many others wait.

    An unknown account is verified against a hash that nobody's password fits, so that it takes the same time.
    """

    def __init__(self, settings: PasswordSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.passes, memory_cost=settings.memory_kib, parallelism=settings.lanes
        )
        self._turns = asyncio.Semaphore(settings.at_once)
        self._room = settings.queue
        self._queue_timeout = settings.queue_timeout
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Hash a password for keeping."""
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def verify(self, password: str, kept: str | None) -> bool:
        """Tell whether a password fits the kept hash; False, as slowly, when there is none."""
        async with self._turn():
            fits = await asyncio.to_thread(self._fits, self._nobodys if kept is None else kept, password)
        return fits and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait among the few who may, and no longer than the patience; the same for all who ask."""
        if self._turns.locked() and self._room == 0:
            raise ExemplarError(ErrorCode.SERVER_BUSY)
        self._room -= 1
        try:
            async with asyncio.timeout(self._queue_timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ExemplarError(ErrorCode.SERVER_BUSY) from None
        finally:
            self._room += 1
        try:
            yield
        finally:
            self._turns.release()

    def _fits(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _normal(password))
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)
