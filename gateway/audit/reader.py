"""Who reads the log: staff read all of it, a developer what is theirs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from domain.accounts.access import DeveloperIdentity, StaffIdentity
from domain.accounts.platform import PersonalDataGrant, valid_grant
from domain.audit.event_filter import EventFilter
from domain.audit.terms import OWNERS, owner_among, term
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.account_status import OPERATOR_KEY, AccessGrant, AccountStatus
from gateway.auth.authentication import Authenticator
from store.accounts.accounts import Accounts
from store.audit.audit_log import AuditLog

_STAFF = "staff"


@dataclass(frozen=True, slots=True)
class AuditReader:
    """A reader with the `access` that its connections are opened with.

    name: of its stream of accesses and of its consumers. developer: whose events it reads; None for staff, who
    read all. personal_data: the grant by which staff read them.
    """

    name: str
    actor: str
    developer: str | None
    access: AccessGrant
    personal_data: PersonalDataGrant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReaders:
    """Identify readers and limit them to what they may read."""

    authenticator: Authenticator
    account_status: AccountStatus
    accounts: Accounts
    audit_log: AuditLog
    clock: Callable[[], datetime]

    async def identify(self, request: web.Request) -> AuditReader:
        """Authenticate a reader."""
        match await self.authenticator.authenticate_reader(request):
            case DeveloperIdentity(developer_id=developer) as identity:
                access = self._access(request, developer)
                return AuditReader(f"developer-{developer}", identity.actor, developer, access)
            case StaffIdentity() as identity:
                return self._staff(request, identity)

    async def identify_staff(self, request: web.Request) -> AuditReader:
        """Authenticate an auditor or an operator."""
        return self._staff(request, await self.authenticator.authenticate_auditor(request))

    async def with_personal_data(self, reader: AuditReader) -> AuditReader:
        """Let a reader see personal data; `grant_required` for staff without a valid grant."""
        if reader.developer is not None:
            return reader
        grants = () if reader.access == OPERATOR_KEY else await self.accounts.staff.grants(reader.name)
        grant = valid_grant(grants, self.clock())
        if grant is None:
            raise ExemplarError(ErrorCode.GRANT_REQUIRED)
        return replace(reader, access=replace(reader.access, personal_data=grant.id), personal_data=grant)

    def _staff(self, request: web.Request, identity: StaffIdentity) -> AuditReader:
        access = OPERATOR_KEY if identity.id is None else self._access(request, _STAFF)
        return AuditReader(identity.id or "operator", identity.actor, None, access)

    def _access(self, request: web.Request, developer: str) -> AccessGrant:
        return self.account_status.grant(*self.authenticator.presented_credentials(request), developer)

    async def owner_of(self, wanted: EventFilter) -> Mapping[str, str]:
        """Return the ids of the narrowest owner that a filter names, with all that it belongs to.

        Raises `not_found` for an id that the log does not have, or has for another developer than the filter's.
        """
        named = (
            ("project", "project", wanted.project, ("developer", "project")),  # its first commit may be a user's
            ("user", "user", wanted.user, OWNERS),
            ("generation", "correlation_id", wanted.stream, OWNERS),
        )
        owner: dict[str, str] = {}
        for what, name, value, kinds in named:
            if value is None:
                continue
            terms = await self.audit_log.terms_of_first(term(name, value))
            found = {kind: one for kind, one in owner_among(terms).items() if kind in kinds}
            if not terms or wanted.developer not in (None, found.get("developer")):
                raise ExemplarError(ErrorCode.NOT_FOUND, f"The log has no such {what}")
            owner = found
        return owner
