"""Who is asking: headers and token of a request, compared with what the store knows at this moment."""

import hmac
from collections.abc import Mapping, Sequence

from aiohttp import web
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.accounts import access
from domain.accounts.access import (
    AccountState,
    Claims,
    DeveloperIdentity,
    Identity,
    PresentedCredentials,
    Role,
    StaffIdentity,
    Tenancy,
)
from domain.accounts.credentials import Peppers
from domain.accounts.tiers import TIERS, Tier
from domain.errors import ErrorCode, ExemplarError
from events.generation import Owner
from gateway.auth.headers import MALFORMED, read_header, read_headers
from gateway.auth.tokens import Kind, Tokens
from store.accounts.accounts import Accounts


class AuthenticationSettings(BaseSettings):
    """Secrets that keys are checked with."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    key_peppers: dict[int, SecretStr] = Field(
        description='JSON of secrets that keys are hashed with, by version: {"1": "32 bytes or more"}; '
        "to rotate add a higher version and keep the old ones"
    )
    key_pepper_current: int | None = Field(
        None,
        description="Version that hashes keys; empty: the highest. Set it while processes that do not know "
        "a new version yet still run",
    )
    operator_keys: tuple[SecretStr, ...] = Field(
        (), description="JSON list of keys a platform operator may send as X-Operator-Key; empty: no operator"
    )

    @property
    def peppers(self) -> Peppers:
        secrets = {version: pepper.get_secret_value() for version, pepper in self.key_peppers.items()}
        return Peppers(secrets, self.key_pepper_current)


class Authenticator:
    """Tell who sends a request, or raise the refusal that domain/accounts/access.py decides on.

    Nothing is cached: what was revoked before the request came is refused.
    """

    def __init__(
        self,
        accounts: Accounts,
        tokens: Tokens,
        peppers: Peppers,
        *,
        tiers: Mapping[str, Tier] = TIERS,
        operator_keys: Sequence[str] = (),
    ) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._peppers = peppers
        self._tiers = tiers
        self._operator_keys = [key.encode() for key in operator_keys if key]

    async def submitter(self, request: web.Request) -> Identity:
        """Admit an end user by all five headers."""
        return await self.confirm(*self.presented(request))

    async def confirm(self, claims: Claims, presented: PresentedCredentials) -> Identity:
        """Admit an end user by what was read of his request; again, when time has passed since."""
        found = await self._tenancy_of(claims, presented)
        identity = access.submitter(claims, presented, found, self._tiers)
        self._note_use(found, presented)
        return identity

    async def reader(self, request: web.Request) -> Identity:
        """Admit an end user by his token; other headers, when sent, must agree."""
        claims = self._bearer(request)
        presented = read_headers(request)
        found = await self._tenancy_of(claims, presented)
        identity = access.reader(claims, presented, found, self._tiers)
        self._note_use(found, presented)
        return identity

    async def developer(self, request: web.Request) -> DeveloperIdentity:
        """Admit a developer by his token."""
        return await self._developer(self._bearer(request), read_headers(request))

    async def operator(self, request: web.Request) -> str:
        """Admit a platform operator by X-Operator-Key or by token; return how the log names him."""
        return (await self._staff(request, Role.PLATFORM_OPERATOR)).actor

    async def overseer(self, request: web.Request) -> str:
        """Admit who may read the log: an auditor by token, or an operator."""
        is_auditor = "X-Operator-Key" not in request.headers and self._bearer(request).role is Role.AUDITOR
        role = Role.AUDITOR if is_auditor else Role.PLATFORM_OPERATOR
        return (await self._staff(request, role)).actor

    async def registrar(self, request: web.Request) -> Tenancy:
        """Admit a program by developer key, project id and API key."""
        presented = read_headers(request)
        found = None
        if presented.project_id:
            found = await self._tenancy(presented.project_id, None, presented)
        admitted = access.registrar(presented, found)
        self._note_use(admitted, presented)
        return admitted

    async def account(self, request: web.Request) -> Claims:
        """Admit whoever holds a living access token, of whatever role, and return its claims."""
        return await self._living(self._bearer(request), read_headers(request))

    async def payer(self, request: web.Request) -> tuple[str, Tier] | None:
        """Tell which developer a living token counts for, whatever it may do; None for staff and no token."""
        own: DeveloperIdentity | Identity
        try:
            claims, nothing = self._bearer(request), PresentedCredentials()
            if claims.role is Role.DEVELOPER:
                own = await self._developer(claims, nothing)
            else:
                own = access.reader(claims, nothing, await self._tenancy_of(claims, nothing), self._tiers)
        except ExemplarError:
            return None
        return own.developer_id, own.tier

    async def refresher(self, refresh_token: str) -> Claims:
        """Admit the holder of a refresh token whose account lives."""
        return await self._living(self._tokens.verify(refresh_token, "refresh"), PresentedCredentials())

    async def _living(self, claims: Claims, presented: PresentedCredentials) -> Claims:
        if claims.role is Role.DEVELOPER:
            await self._developer(claims, presented)
        elif claims.role in access.STAFF:
            access.staff(claims, presented, await self._state_of_staff(claims), claims.role)
        else:
            access.reader(claims, presented, await self._tenancy_of(claims, presented), self._tiers)
        return claims

    async def _staff(self, request: web.Request, role: Role) -> StaffIdentity:
        if "X-Operator-Key" in request.headers:
            self._check_operator_key(request)
            return StaffIdentity(None, Role.PLATFORM_OPERATOR)
        claims = self._bearer(request)
        return access.staff(claims, read_headers(request), await self._state_of_staff(claims), role)

    def _check_operator_key(self, request: web.Request) -> None:
        """Compare the key in constant time, with all of them."""
        sent = (read_header(request, "X-Operator-Key") or MALFORMED).encode(errors="surrogateescape")
        fits = [hmac.compare_digest(sent, key) for key in self._operator_keys]
        if not any(fits):
            raise ExemplarError(ErrorCode.FORBIDDEN)

    async def _state_of_staff(self, claims: Claims) -> AccountState | None:
        if claims.role not in access.STAFF:
            return None
        return await self._accounts.staff.state(claims.subject, claims.role)

    async def _developer(self, claims: Claims, presented: PresentedCredentials) -> DeveloperIdentity:
        found = None
        if claims.role is Role.DEVELOPER:
            found = await self._accounts.developer_state(claims.subject)
        state, tier = found or (None, None)
        return access.developer(claims, presented, state, tier, self._tiers)

    async def _tenancy_of(self, claims: Claims, presented: PresentedCredentials) -> Tenancy | None:
        if claims.role is not Role.END_USER or claims.project_id is None:
            return None
        return await self._tenancy(claims.project_id, claims.subject, presented)

    async def _tenancy(
        self, project_id: str, user_id: str | None, presented: PresentedCredentials
    ) -> Tenancy | None:
        return await self._accounts.credentials(
            project_id,
            user_id=user_id,
            developer_key_hashes=self._peppers.candidates(presented.developer_key),
            api_key_hashes=self._peppers.candidates(presented.api_key),
        )

    def presented(self, request: web.Request) -> tuple[Claims, PresentedCredentials]:
        """Read what a request was admitted with: its token and the headers that go with it."""
        return self._bearer(request), read_headers(request)

    async def reachable(self, owner: Owner) -> bool:
        """Tell whether what belongs to somebody may be shown: he, his project and his developer live."""
        found = await self._accounts.credentials(owner.project, user_id=owner.user)
        return (
            found is not None
            and found.project_active
            and found.developer.active
            and found.user is not None
            and found.user.active
        )

    def _note_use(self, found: Tenancy | None, presented: PresentedCredentials) -> None:
        if found is None:
            return
        for kept, sent in (
            (found.developer_key, presented.developer_key),
            (found.api_key, presented.api_key),
        ):
            self._accounts.keys.note_use(kept, None if sent is None else self._peppers.hash(sent))

    def _bearer(self, request: web.Request, kind: Kind = "access") -> Claims:
        sent = request.headers.getall("Authorization", ())
        scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return self._tokens.verify(token.strip(" "), kind)
