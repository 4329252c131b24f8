"""Authentication of requests: token and headers compared with what the store holds now."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from domain.accounts import access
from domain.accounts.access import AccountState, Claims, DeveloperIdentity, Identity, Role, StaffIdentity, Tenancy
from domain.accounts.access_keys import Scope, require_scope
from domain.accounts.headers import PresentedCredentials
from domain.accounts.keys import Peppers
from domain.accounts.tiers import TIERS, Tier, tier_of
from domain.errors import ErrorCode, ExemplarError
from events.generation import Owner
from gateway.auth.bearer import BearerClaims, known_claims
from gateway.auth.headers import read_headers
from gateway.auth.operator_keys import OperatorKeys
from gateway.auth.rate_limits import CountedDeveloper, RateLimits
from gateway.auth.sent_credentials import SENT, SentCredentials
from gateway.auth.tokens import Tokens
from gateway.http.parsing import path_id
from store.accounts.accounts import Accounts
from store.accounts.queries import Credentials
from store.accounts.records import ProjectRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """Identify the sender of a request and count the request, or raise the refusal of the access rules.

    An end user sends a token, or an access key in its place, which needs the scope of the operation.

    Requests that only read, and submissions, may be admitted by what was read at most a second ago and not before a
    change in this process (`AccountCache`). None is refused by it: a refusal is decided again from the store.
    Without `rate_limits` requests are not counted.
    """

    accounts: Accounts
    bearer_claims: BearerClaims
    tokens: Tokens
    peppers: Peppers
    operator_key_check: OperatorKeys
    clock: Callable[[], datetime]
    rate_limits: RateLimits | None = None
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)

    async def authenticate_submission(self, request: web.Request) -> Identity:
        """Authenticate an end user by all five headers, or by an access key with the scope `generate`."""
        sent = request[SENT] = self._sent(await self.claims(request), read_headers(request))
        identity = await self._end_user(sent, all_headers=True, cached=True)
        require_scope(identity.scopes, Scope.GENERATE)
        replayable = "Idempotency-Key" in request.headers
        await self._count(request, identity.developer_id, identity.tier, replayable=replayable)
        return identity

    async def recheck(self, request: web.Request, *, cached: bool) -> Identity:
        """Check the credentials of a submission again, when time has passed since."""
        return await self._end_user(request[SENT], all_headers=True, cached=cached)

    async def authenticate_end_user(self, request: web.Request, scope: Scope | None = None) -> Identity:
        """Authenticate an end user by the token; other headers must match when they are sent.

        An access key needs this scope; unless one is given `read` for what only reads, else `manage`.
        """
        claims, presented = await self.claims(request), read_headers(request)
        identity = await self._end_user(self._sent(claims, presented), cached=_only_reads(request))
        require_scope(identity.scopes, scope or (Scope.READ if _only_reads(request) else Scope.MANAGE))
        await self._count(request, identity.developer_id, identity.tier)
        return identity

    async def authenticate_developer(self, request: web.Request) -> DeveloperIdentity:
        """Authenticate a developer by the token."""
        claims, presented = await self.claims(request), read_headers(request)
        identity = await self._developer(claims, presented, cached=_only_reads(request))
        await self._count(request, identity.developer_id, identity.tier)
        return identity

    async def authenticate_project_owner(self, request: web.Request) -> tuple[DeveloperIdentity, ProjectRecord]:
        """Authenticate a developer and read their active project in the path; 404 for any other project."""
        developer = await self.authenticate_developer(request)
        project = await self.accounts.project(developer.developer_id, path_id(request, "project_id"))
        if project is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return developer, project

    async def authenticate_operator(self, request: web.Request) -> str:
        """Authenticate an operator by X-Operator-Key or token; return the actor of their events."""
        return (await self._staff(request, Role.PLATFORM_OPERATOR)).actor

    async def authenticate_auditor(self, request: web.Request) -> StaffIdentity:
        """Authenticate a reader of the log: an auditor by token, or an operator."""
        is_auditor = "X-Operator-Key" not in request.headers and (await self.claims(request)).role is Role.AUDITOR
        return await self._staff(request, Role.AUDITOR if is_auditor else Role.PLATFORM_OPERATOR)

    async def authenticate_reader(self, request: web.Request) -> StaffIdentity | DeveloperIdentity:
        """Authenticate a reader of the log, or a developer, who reads what is theirs of it."""
        if "X-Operator-Key" not in request.headers and (await self.claims(request)).role is Role.DEVELOPER:
            return await self.authenticate_developer(request)
        return await self.authenticate_auditor(request)

    async def authenticate_eraser(self, request: web.Request) -> StaffIdentity | DeveloperIdentity:
        """Authenticate an operator, or a developer, who erases what is theirs."""
        if "X-Operator-Key" not in request.headers and (await self.claims(request)).role is Role.DEVELOPER:
            return await self.authenticate_developer(request)
        return await self._staff(request, Role.PLATFORM_OPERATOR)

    async def authenticate_registration(self, request: web.Request) -> Tenancy:
        """Authenticate a program by developer key, project id and API key."""
        presented = read_headers(request)
        project = presented.project_id
        named = self._named(project, None, presented) if project else None
        found = await self.accounts.credentials(named) if named else None
        tenancy = access.authorize_registration(presented, found)
        self._note_use(tenancy, presented)
        await self._count(request, tenancy.developer.id, tier_of(tenancy.tier, self.tiers))
        return tenancy

    async def authenticate_account(self, request: web.Request) -> Claims:
        """Authenticate the holder of an access token, of any role, and return its claims.

        An access key is enough for what only reads.
        """
        claims, presented = await self.claims(request), read_headers(request)
        identity = await self._identify(claims, presented, cached=_only_reads(request))
        if isinstance(identity, Identity):
            require_scope(identity.scopes, Scope.READ if _only_reads(request) else None)
        if not isinstance(identity, StaffIdentity):
            await self._count(request, identity.developer_id, identity.tier)
        return claims

    async def authenticate_refresh(self, refresh_token: str) -> Claims:
        """Authenticate the holder of a refresh token of an active account."""
        claims = self.tokens.verify(refresh_token, "refresh")
        await self._identify(claims, PresentedCredentials())
        return claims

    async def counted_developer(self, request: web.Request) -> CountedDeveloper | None:
        """Return the developer that a token's requests count for; None for staff and without a token."""
        try:
            own = await self._identify(await self.claims(request), PresentedCredentials())
        except ExemplarError:
            return None
        return None if isinstance(own, StaffIdentity) else CountedDeveloper(own.developer_id, own.tier)

    def presented_credentials(self, request: web.Request) -> tuple[Claims, PresentedCredentials]:
        """Return the claims of an authenticated request and the headers that go with them."""
        return known_claims(request), read_headers(request)

    async def claims(self, request: web.Request) -> Claims:
        """Read the token or the access key of a request, before its account; raises as `BearerClaims.read`."""
        return await self.bearer_claims.read(request)

    async def is_reachable(self, owner: Owner) -> bool:
        """Tell whether an owner's things may be shown: the user, the project and the developer are active."""
        found = await self.accounts.credentials(Credentials(owner.project, owner.user))
        return (
            found is not None
            and found.project_active
            and found.developer.active
            and found.user is not None
            and found.user.active
        )

    async def _count(self, request: web.Request, developer: str, tier: Tier, *, replayable: bool = False) -> None:
        if self.rate_limits is not None:
            counted = CountedDeveloper(developer, tier)
            await self.rate_limits.count(request, counted, replayable=replayable)

    async def _identify(
        self, claims: Claims, presented: PresentedCredentials, *, cached: bool = False
    ) -> Identity | DeveloperIdentity | StaffIdentity:
        match claims.role:
            case Role.END_USER:
                return await self._end_user(self._sent(claims, presented), cached=cached)
            case Role.DEVELOPER:
                return await self._developer(claims, presented, cached=cached)
            case Role.PLATFORM_OPERATOR | Role.AUDITOR:
                state = await self._staff_state(claims)
                return access.authorize_staff(claims, presented, state, claims.role)

    async def _staff(self, request: web.Request, role: Role) -> StaffIdentity:
        if "X-Operator-Key" in request.headers:
            await self.operator_key_check.require(request)
            return StaffIdentity(None, Role.PLATFORM_OPERATOR)
        claims, presented = await self.claims(request), read_headers(request)
        return access.authorize_staff(claims, presented, await self._staff_state(claims), role)

    async def _staff_state(self, claims: Claims) -> AccountState | None:
        if claims.role not in access.STAFF:
            return None
        return await self.accounts.staff.state(claims.subject, claims.role)

    async def _developer(self, claims: Claims, presented: PresentedCredentials, *, cached: bool) -> DeveloperIdentity:
        def decide(found: tuple[AccountState, str] | None) -> DeveloperIdentity:
            state, tier = found or (None, None)
            return access.authorize_developer(claims, presented, state, tier, self.tiers)

        if claims.role is not Role.DEVELOPER:
            return decide(None)
        if cached and (known := self.accounts.known_developer(claims.subject)) is not None:
            with suppress(ExemplarError):
                return decide(known)
        return decide(await self.accounts.developer_state(claims.subject))

    async def _end_user(self, sent: SentCredentials, *, all_headers: bool = False, cached: bool) -> Identity:
        claims, presented, named = sent

        def decide(found: Tenancy | None) -> Identity:
            now = self.clock()
            return access.authorize_end_user(claims, presented, found, self.tiers, now=now, all_headers=all_headers)

        if named is None:
            return decide(None)
        if cached and (known := self.accounts.known_credentials(named)) is not None:
            with suppress(ExemplarError):
                return decide(known)
        found = await self.accounts.credentials(named)
        identity = decide(found)
        self._note_use(found, presented)
        return identity

    def _sent(self, claims: Claims, presented: PresentedCredentials) -> SentCredentials:
        if claims.role is not Role.END_USER or claims.project_id is None:
            return SentCredentials(claims, presented, None)
        named = self._named(claims.project_id, claims.subject, presented)
        return SentCredentials(claims, presented, named._replace(access_key_id=claims.access_key))

    def _named(self, project_id: str, user_id: str | None, presented: PresentedCredentials) -> Credentials:
        keys = presented.developer_key, presented.api_key
        developer_hashes, api_hashes = map(self.peppers.candidates, keys)
        return Credentials(project_id, user_id, developer_hashes, api_hashes)

    def _note_use(self, found: Tenancy | None, presented: PresentedCredentials) -> None:
        if found is None:
            return
        keys = ((found.developer_key, presented.developer_key), (found.api_key, presented.api_key))
        for stored, sent in keys:
            self.accounts.keys.use.note(stored, None if sent is None else self.peppers.hash(sent))
        self.accounts.access_keys.use.note(found.access_key)


def _only_reads(request: web.Request) -> bool:
    return request.method in ("GET", "HEAD")
