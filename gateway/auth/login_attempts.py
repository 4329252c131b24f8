"""Limits on password guesses, per account and client address, that do not lock the owner out."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from domain.accounts.access import Claims
from domain.accounts.keys import Peppers
from domain.errors import ErrorCode, ExemplarError, LimitError
from store.accounts.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of attempts in a window, which begins with the first of them."""

    attempts: int
    window: timedelta


PER_ACCOUNT_AND_ADDRESS = Limit(10, timedelta(minutes=5))
PER_ADDRESS = Limit(100, timedelta(minutes=5))
PER_ACCOUNT = Limit(150, timedelta(hours=1))  # more than one address can make alone
KNOWN_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login within the limits, and the names of the counters that it is in."""

    own: str
    counted: tuple[str, ...]
    known: str


@dataclass(frozen=True, slots=True)
class LoginAttempts:
    """Count password guesses in the store, for all gateways, under names that are keyed hashes.

    A client address from which a login succeeded is known to the account: logins from there are limited by
    the counter of account and address alone, so that strangers elsewhere cannot lock the owner out.
    """

    accounts: Accounts
    peppers: Peppers
    clock: Callable[[], datetime]

    async def count_login(self, project_id: str | None, email: str, address: str) -> Attempt:
        """Count a login, whether the account exists or not; LimitError beyond a limit."""
        own = self._name("own", project_id, email, address)
        known = self._names("known", project_id, email, address)
        if await self.accounts.sessions.knows_address(known, now=self.clock()):
            await self._count(own, PER_ACCOUNT_AND_ADDRESS)
            return Attempt(own, (), known[0])
        by_address, by_account = self._name("address", address), self._name("account", project_id, email)
        # A refused attempt is in no later counter: one address alone never fills the account's counter.
        await self._count(by_address, PER_ADDRESS)
        await self._count(own, PER_ACCOUNT_AND_ADDRESS)
        await self._count(by_account, PER_ACCOUNT)
        return Attempt(own, (by_address, by_account), known[0])

    async def login_succeeded(self, attempt: Attempt, account_id: str) -> None:
        """Uncount a successful login, and remember its address."""
        await self.accounts.sessions.delete_attempts(attempt.own)
        await self.accounts.sessions.take_back(attempt.counted)
        until = self.clock() + KNOWN_FOR
        await self.accounts.sessions.remember_address(attempt.known, subject=account_id, until=until)

    async def verified(self, verifying: Awaitable[bool], *counters: str) -> bool:
        """Wait for the verification of a password; uncount the attempt when the server is too busy for it."""
        try:
            return await verifying
        except ExemplarError:
            await self.accounts.sessions.take_back(counters)
            raise

    async def count_operator_key(self, address: str) -> None:
        """Count a wrong operator key; LimitError beyond the limit of an address. A right one is never limited."""
        await self._count(self._name("operator", address), PER_ACCOUNT_AND_ADDRESS)

    async def count_proof(self, claims: Claims) -> str:
        """Count a guess by a session that is logged in; return its counter, to be deleted when it was right.

        Each session has its own counter: a stolen session locks no other one out, and cannot open another
        without the password.
        """
        name = self._name("proof", claims.role, claims.subject, claims.session)
        await self._count(name, PER_ACCOUNT_AND_ADDRESS)
        return name

    async def proof_succeeded(self, counter: str) -> None:
        """Delete the counter of a session that proved its password."""
        await self.accounts.sessions.delete_attempts(counter)

    async def _count(self, name: str, limit: Limit) -> None:
        now = self.clock()
        attempts = await self.accounts.sessions.count_attempt(name, now=now, window=limit.window)
        if attempts.count > limit.attempts:
            raise LimitError(ErrorCode.LOGIN_LIMIT, max(1, ceil((attempts.until - now).total_seconds())))

    def _name(self, *what: str | None) -> str:
        return self._names(*what)[0]

    def _names(self, *what: str | None) -> tuple[str, ...]:
        """Hash the name of a counter by every pepper, so that it reveals neither account nor address."""
        return self.peppers.hashes(json.dumps(what))
