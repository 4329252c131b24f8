"""Access and refresh tokens: JWT (RFC 7519) with HS256 alone, as RFC 8725 advises."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.accounts.access import Claims, Role
from domain.errors import ErrorCode, ExemplarError
from store.accounts.accounts import Accounts
from store.accounts.writes import random_id

ALGORITHM = "HS256"
ISSUER = "exemplar"
AUDIENCE = "exemplar-api"
SHORTEST_SECRET = 32  # RFC 7518, section 3.2
LONGEST_TOKEN = 4096
REMEMBERED = 1024
LAST_SECOND = 253_402_300_799  # of the year 9999, beyond which a datetime cannot go
CLOCKS_MAY_DIFFER = timedelta(seconds=60)

Kind = Literal["access", "refresh"]


class TokenSettings(BaseSettings):
    """How long tokens live, and which older secrets they may still be signed with."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    jwt_retired_secrets: tuple[SecretStr, ...] = Field(
        (), description="JSON list of former JWT secrets, still accepted while their tokens live"
    )
    access_minutes: int = Field(30, ge=1, description="Life of an access token, minutes")
    refresh_days: int = Field(7, ge=1, description="Life of a refresh token, days")


class _Payload(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    sub: str = Field(min_length=1, max_length=64)
    type: Kind
    exp: int = Field(ge=0, le=LAST_SECOND)
    iat: int = Field(ge=0, le=LAST_SECOND)
    jti: str = Field(min_length=1, max_length=64)
    sid: str = Field(min_length=1, max_length=64)
    role: str
    project_id: str | None = None
    epoch: int = Field(0, ge=0)


class Tokens:
    """Sign and verify tokens. The first of `secrets` signs; the others are still accepted.

    A secret's key id is derived from it, so rotation is to put a new one first. ValueError for a secret
    of less than 32 bytes.
    """

    def __init__(
        self, secrets: Sequence[str], clock: Callable[[], datetime], settings: TokenSettings | None = None
    ) -> None:
        if not secrets or any(len(secret.encode()) < SHORTEST_SECRET for secret in secrets):
            raise ValueError(
                f"the JWT secret needs at least {SHORTEST_SECRET} bytes: set EXEMPLAR_JWT_SECRET"
            )
        settings = settings or TokenSettings()
        self._keys: Mapping[str, str] = {key_id(secret): secret for secret in secrets}
        self._current = key_id(secrets[0])
        self._clock = clock
        # What a genuine token says never changes; whether it is in time, and whose session lives, does.
        self._read = lru_cache(maxsize=REMEMBERED)(self._payload_of)
        self._lives = {
            "access": timedelta(minutes=settings.access_minutes),
            "refresh": timedelta(days=settings.refresh_days),
        }

    def expiry(self, kind: Kind) -> datetime:
        """Tell when a token made now ends, in whole seconds."""
        return (self._clock() + self._lives[kind]).replace(microsecond=0)

    def sign(self, claims: Claims, kind: Kind) -> str:
        """Write a token that says `claims`."""
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": claims.subject,
            "type": kind,
            "exp": int(claims.expires_at.timestamp()),
            "iat": int(self._clock().timestamp()),
            "jti": claims.token_id,
            "sid": claims.session,
            "role": claims.role.value,
        }
        if claims.project_id is not None:
            payload["project_id"] = claims.project_id
        if claims.epoch:
            payload["epoch"] = claims.epoch
        return jwt.encode(payload, self._keys[self._current], ALGORITHM, headers={"kid": self._current})

    def verify(self, token: str, kind: Kind) -> Claims:
        """Read a token of this kind; `INVALID_CREDENTIALS` for whatever is wrong with it."""
        try:
            payload = self._read(token)
            role = Role(payload.role)
        except (jwt.PyJWTError, ValueError):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS) from None
        if payload.type != kind or not self._in_time(payload):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        if (payload.project_id is not None) != (role is Role.END_USER):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return _claims(payload, role)

    def _payload_of(self, token: str) -> _Payload:
        return _Payload.model_validate(self._decode(token))

    def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise jwt.DecodeError("too long")
        secret = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
        if secret is None:
            raise jwt.InvalidKeyError("unknown key id")
        return jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # Times are compared by our own clock, in _in_time.
            options={
                "require": ["exp", "iat", "sub", "iss", "aud"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )

    def _in_time(self, payload: _Payload) -> bool:
        now = self._clock().timestamp()
        return payload.iat <= now + CLOCKS_MAY_DIFFER.total_seconds() and now < payload.exp


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str


class Sessions:
    """Begin, prolong and end logins. A refresh token works once; its second use ends the session."""

    def __init__(self, accounts: Accounts, tokens: Tokens, new_id: Callable[[], str] = random_id) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._new_id = new_id

    async def begin(self, account_id: str, role: Role, project_id: str | None, epoch: int = 0) -> TokenPair:
        """Open a session for somebody who has proved who he is, by the password of that epoch."""
        claims = self._refresh_claims(account_id, role, project_id, self._new_id(), epoch)
        await self._accounts.sessions.open(
            claims.session,
            subject=account_id,
            token_id=claims.token_id,
            expires_at=claims.expires_at,
        )
        return self._pair(claims)

    async def prolong(self, used: Claims) -> TokenPair:
        """Exchange a living account's verified refresh token; 401 and the session's end on its second use."""
        claims = self._refresh_claims(used.subject, used.role, used.project_id, used.session, used.epoch)
        rotated = await self._accounts.sessions.rotate(
            used.session,
            subject=used.subject,
            used=used.token_id,
            following=claims.token_id,
            expires_at=claims.expires_at,
        )
        if not rotated:
            await self.end(replace(used, expires_at=self._tokens.expiry("access")))
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return self._pair(claims)

    async def end(self, claims: Claims) -> None:
        """Void every token of an access token's session from the next request on.

        The account is marked only while access tokens may live, also one that another gateway makes at this
        moment; refresh tokens are void with their family.
        """
        until = max(claims.expires_at, self._tokens.expiry("access")) + CLOCKS_MAY_DIFFER
        await self._accounts.sessions.revoke(claims.session, subject=claims.subject)
        await self._accounts.end_session(
            claims.role, claims.subject, claims.project_id, claims.session, until
        )

    def _refresh_claims(
        self, account_id: str, role: Role, project_id: str | None, session: str, epoch: int
    ) -> Claims:
        expires_at = self._tokens.expiry("refresh")
        return Claims(account_id, role, project_id, session, self._new_id(), expires_at, epoch)

    def _pair(self, refresh: Claims) -> TokenPair:
        access = replace(refresh, token_id=self._new_id(), expires_at=self._tokens.expiry("access"))
        return TokenPair(self._tokens.sign(access, "access"), self._tokens.sign(refresh, "refresh"))


def key_id(secret: str) -> str:
    """Name a secret by a short hash, which tells nothing about 32 random bytes."""
    return hashlib.sha256(b"exemplar-jwt-key:" + secret.encode()).hexdigest()[:12]


def _claims(payload: _Payload, role: Role) -> Claims:
    return Claims(
        subject=payload.sub,
        role=role,
        project_id=payload.project_id,
        session=payload.sid,
        token_id=payload.jti,
        expires_at=datetime.fromtimestamp(payload.exp, UTC),
        epoch=payload.epoch,
    )
