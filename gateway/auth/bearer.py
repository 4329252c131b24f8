"""Who sends a request: the claims of its access token, or of the access key that stands in its place."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from domain.accounts.access import Claims, Role
from domain.accounts.keys import ACCESS_KEY_PREFIX, Peppers
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.tokens import Tokens
from gateway.http.account import ACCOUNT
from store.accounts.accounts import Accounts

_CLAIMS: Final = web.RequestKey("claims", Claims)
_NO_END: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerClaims:
    """Read the bearer token of a request, once."""

    accounts: Accounts
    tokens: Tokens
    peppers: Peppers

    async def read(self, request: web.Request) -> Claims:
        """Verify the token, or find whom the access key acts for.

        Raises ExemplarError `authorization_required`, `authorization_malformed` or `invalid_credentials`. Whether the
        account, the session or the key is still valid is decided with the account.
        """
        known: Claims | None = request.get(_CLAIMS)
        if known is not None:
            return known
        token = _token_of(request)
        is_key = token.startswith(f"{ACCESS_KEY_PREFIX}_")
        claims = await self._claims_of_key(token) if is_key else self.tokens.verify(token, "access")
        request[_CLAIMS], request[ACCOUNT] = claims, claims.subject
        return claims

    async def _claims_of_key(self, key: str) -> Claims:
        found = await self.accounts.access_keys.identify(self.peppers.candidates(key), self.peppers.hash(key))
        if found is None:
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return Claims(found.user_id, Role.END_USER, found.project_id, "", found.id, _NO_END, access_key=found.id)


def known_claims(request: web.Request) -> Claims:
    """Return the claims of a request that was authenticated by them."""
    return request[_CLAIMS]


def _token_of(request: web.Request) -> str:
    sent = request.headers.getall("Authorization", ())
    if not any(sent):
        raise ExemplarError(ErrorCode.AUTHORIZATION_REQUIRED)
    scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip(" "):
        raise ExemplarError(ErrorCode.AUTHORIZATION_MALFORMED)
    return token.strip(" ")
