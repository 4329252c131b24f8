"""Access and refresh tokens: JWT (RFC 7519) with HS256 alone, as RFC 8725 advises."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field

from domain.accounts.access import Claims, Role
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.settings import TokenSettings

ALGORITHM = "HS256"
ISSUER = "exemplar"
AUDIENCE = "exemplar-api"
SHORTEST_SECRET = 32  # RFC 7518, section 3.2
LONGEST_TOKEN = 4096
CACHED_TOKENS = 1024
LAST_SECOND = 253_402_300_799  # of the year 9999, the largest that a datetime can hold
CLOCK_SKEW = timedelta(seconds=60)

Kind = Literal["access", "refresh"]


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
    """Sign and verify tokens. The first of `jwt_secrets` signs; the others are still accepted.

    A key id is derived from its secret: to rotate, put a new secret first. ValueError for a secret of less
    than 32 bytes.
    """

    def __init__(
        self,
        jwt_secrets: Sequence[str],
        clock: Callable[[], datetime],
        token_settings: TokenSettings | None = None,
    ) -> None:
        if not jwt_secrets or any(len(secret.encode()) < SHORTEST_SECRET for secret in jwt_secrets):
            raise ValueError(f"the JWT secret needs at least {SHORTEST_SECRET} bytes: set EXEMPLAR_JWT_SECRET")
        settings = token_settings or TokenSettings()
        self._keys: Mapping[str, str] = {key_id(secret): secret for secret in jwt_secrets}
        self._current = key_id(jwt_secrets[0])
        self._clock = clock
        # The payload of a verified token never changes; expiry and session are checked each time.
        self._read = lru_cache(maxsize=CACHED_TOKENS)(self._payload_of)
        self._lifetimes = {
            "access": timedelta(minutes=settings.access_minutes),
            "refresh": timedelta(days=settings.refresh_days),
        }

    def expiry(self, kind: Kind) -> datetime:
        """Return when a token signed now expires, in whole seconds."""
        return (self._clock() + self._lifetimes[kind]).replace(microsecond=0)

    def sign(self, claims: Claims, kind: Kind) -> str:
        """Sign a token with these claims."""
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
        """Verify a token of this kind; ExemplarError `invalid_credentials` for any fault."""
        try:
            payload = self._read(token)
            role = Role(payload.role)
        except (jwt.PyJWTError, ValueError):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS) from None
        if payload.type != kind or not self._is_valid_now(payload):
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
        required = ["exp", "iat", "sub", "iss", "aud"]
        # _is_valid_now compares times with the injected clock.
        options: Any = {"require": required, "verify_exp": False, "verify_iat": False}
        return jwt.decode(token, secret, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, options=options)

    def _is_valid_now(self, payload: _Payload) -> bool:
        now = self._clock().timestamp()
        return payload.iat <= now + CLOCK_SKEW.total_seconds() and now < payload.exp


def key_id(secret: str) -> str:
    """Return a short hash that names a secret and does not reveal it."""
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
