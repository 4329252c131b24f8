"""Login sessions: pairs of an access token and a refresh token."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.accounts.access import Claims, Role
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.tokens import CLOCK_SKEW, Tokens
from store.accounts.accounts import Accounts
from store.accounts.writes import random_id


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Start, refresh and end login sessions. A refresh token works once; its second use ends the session."""

    accounts: Accounts
    tokens: Tokens
    new_id: Callable[[], str] = random_id

    async def start(self, account_id: str, role: Role, project_id: str | None, epoch: int = 0) -> TokenPair:
        """Start a session after the password of this `epoch` was proved."""
        claims = self._refresh_claims(account_id, role, project_id, self.new_id(), epoch)
        await self.accounts.sessions.open(
            claims.session, subject=account_id, token_id=claims.token_id, expires_at=claims.expires_at
        )
        return self._pair(claims)

    async def refresh(self, used: Claims) -> TokenPair:
        """Exchange a verified refresh token; a second use of it is a 401 and ends the session."""
        claims = self._refresh_claims(used.subject, used.role, used.project_id, used.session, used.epoch)
        rotated = await self.accounts.sessions.rotate(
            used.session,
            subject=used.subject,
            used=used.token_id,
            following=claims.token_id,
            expires_at=claims.expires_at,
        )
        if not rotated:
            await self.end(replace(used, expires_at=self.tokens.expiry("access")))
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return self._pair(claims)

    async def end(self, claims: Claims) -> None:
        """Invalidate every token of a session from the next request on.

        The account is marked as long as an access token may live, also one that another gateway signs now;
        refresh tokens end with their family.
        """
        until = max(claims.expires_at, self.tokens.expiry("access")) + CLOCK_SKEW
        await self.accounts.sessions.revoke(claims.session, subject=claims.subject)
        await self.accounts.end_session(claims.role, claims.subject, claims.project_id, claims.session, until)

    def _refresh_claims(self, account_id: str, role: Role, project_id: str | None, session: str, epoch: int) -> Claims:
        expires_at = self.tokens.expiry("refresh")
        return Claims(account_id, role, project_id, session, self.new_id(), expires_at, epoch)

    def _pair(self, refresh: Claims) -> TokenPair:
        access = replace(refresh, token_id=self.new_id(), expires_at=self.tokens.expiry("access"))
        return TokenPair(self.tokens.sign(access, "access"), self.tokens.sign(refresh, "refresh"))
