"""Passwords: what may be chosen, and how they are hashed and verified."""

import asyncio
import secrets
import unicodedata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import ErrorCode, ExemplarError
from domain.fair_slots import FairSlots

PASSWORD_SHORTEST = 8
PASSWORD_LONGEST = 128


def check_password(text: str) -> str:
    """Return a password that may be chosen; ValueError says what is wrong with it."""
    if not PASSWORD_SHORTEST <= len(text) <= PASSWORD_LONGEST:
        raise ValueError(f"password must have {PASSWORD_SHORTEST} to {PASSWORD_LONGEST} characters")
    if not text.strip():
        raise ValueError("password must not be blank")
    return text


class Passwords:
    """Hash and verify passwords in threads (argon2id, RFC 9106).

    At most `at_once` hashes are computed at a time and `queue` calls wait, each at most `queue_timeout`
    seconds; beyond that ExemplarError `server_busy`. Clients take turns, and one leaves a thread and three quarters of
    the queue to others. An unknown account takes as long as a known one.
    """

    def __init__(
        self,
        *,
        memory_kib: int = 65_536,
        passes: int = 2,
        lanes: int = 1,
        at_once: int = 2,
        queue: int = 64,
        queue_timeout: float = 5,
    ) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._slots = FairSlots(at_once, most=max(1, at_once - 1))
        self._queue, self._queue_of_one = queue, -(-queue // 4)
        self._queue_timeout = queue_timeout
        self._matching_nothing = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str, *, client: str = "") -> str:
        """Hash a password for a client address; empty: for a command."""
        async with self._slot(client):
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def verify(self, password: str, kept: str | None, *, client: str = "") -> bool:
        """Tell whether a password matches the `kept` hash; False, as slowly, when there is none."""
        async with self._slot(client):
            matches = await asyncio.to_thread(self._matches, self._matching_nothing if kept is None else kept, password)
        return matches and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was computed with other parameters."""
        return self._hasher.check_needs_rehash(kept)

    @asynccontextmanager
    async def _slot(self, client: str) -> AsyncIterator[None]:
        slots = self._slots
        full = slots.waiting() >= self._queue or slots.waiting(client) >= self._queue_of_one
        if full and not slots.is_free(client):
            raise ExemplarError(ErrorCode.SERVER_BUSY)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._queue_timeout):
                    await stack.enter_async_context(slots.slot(client))
            except TimeoutError:
                raise ExemplarError(ErrorCode.SERVER_BUSY) from None
            yield

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _normal(password))
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)
