"""How often a password may be guessed, by whom, and how its owner gets in although strangers guess."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from domain.accounts.access import Claims
from domain.accounts.credentials import Peppers
from domain.errors import ErrorCode, ExemplarError, LimitError
from store.accounts.sessions import AccountSessions


@dataclass(frozen=True, slots=True)
class Bound:
    """So many attempts in a window, which begins with the first of them."""

    attempts: int
    window: timedelta


OF_ACCOUNT_FROM_PLACE = Bound(10, timedelta(minutes=5))
FROM_PLACE = Bound(100, timedelta(minutes=5))
OF_ACCOUNT = Bound(150, timedelta(hours=1))  # more than one place can make alone
KNOWN_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that was let through to the password, and the names of the counters that it is in."""

    own: str
    counted: tuple[str, ...]
    known: str


class Attempts:
    """Count guesses at passwords in the store, over all gateways, under names that are keyed hashes.

    A place where somebody has logged in to an account is known to it: from there only the counter of both
    bounds him, so no stranger elsewhere locks him out.
    """

    def __init__(self, sessions: AccountSessions, peppers: Peppers, clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._peppers = peppers
        self._clock = clock

    async def login(self, project_id: str | None, email: str, place: str) -> Attempt:
        """Count a login, whether the account exists or not; LimitError beyond a bound."""
        own = self._name("own", project_id, email, place)
        known = self._names("known", project_id, email, place)
        if await self._sessions.knows_address(known, now=self._clock()):
            await self._count(own, OF_ACCOUNT_FROM_PLACE)
            return Attempt(own, (), known[0])
        here, everywhere = self._name("place", place), self._name("account", project_id, email)
        # What is refused early does not count further on: one place alone never fills the account's counter.
        await self._count(here, FROM_PLACE)
        await self._count(own, OF_ACCOUNT_FROM_PLACE)
        await self._count(everywhere, OF_ACCOUNT)
        return Attempt(own, (here, everywhere), known[0])

    async def succeeded(self, attempt: Attempt, account_id: str) -> None:
        """Take a login back that was right, and know the place from now on."""
        await self._sessions.forget_attempts(attempt.own)
        await self._sessions.take_back(attempt.counted)
        until = self._clock() + KNOWN_FOR
        await self._sessions.remember_address(attempt.known, subject=account_id, until=until)

    async def checked(self, verifying: Awaitable[bool], *counters: str) -> bool:
        """Wait for the look at a password; where too many wait and there is none, nothing was guessed."""
        try:
            return await verifying
        except ExemplarError:
            await self._sessions.take_back(counters)
            raise

    async def proof(self, claims: Claims) -> str:
        """Count a guess by somebody who is logged in; return its counter, to be forgotten when right.

        Each session has a counter of its own: who has stolen one keeps its owner in another from nothing, and
        opens no further one without the password.
        """
        name = self._name("proof", claims.role, claims.subject, claims.session)
        await self._count(name, OF_ACCOUNT_FROM_PLACE)
        return name

    async def _count(self, name: str, bound: Bound) -> None:
        now = self._clock()
        attempts = await self._sessions.count_attempt(name, now=now, window=bound.window)
        if attempts.count > bound.attempts:
            raise LimitError(ErrorCode.LOGIN_LIMIT, max(1, ceil((attempts.until - now).total_seconds())))

    def _name(self, *what: str | None) -> str:
        return self._names(*what)[0]

    def _names(self, *what: str | None) -> tuple[str, ...]:
        """Name a counter so that nobody learns address or place by trying them, by every pepper."""
        return self._peppers.hashes(json.dumps(what))
