"""Revalidation of access: whether the credentials of open connections are still valid, for many at once.

An expired token does not end a connection; an ended session, a revoked key, the end of an access key or a closed
account does.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from domain.accounts import access
from domain.accounts.access import STAFF, Claims, Role
from domain.accounts.headers import PresentedCredentials
from domain.accounts.keys import Peppers
from domain.accounts.tiers import Tier
from domain.errors import ExemplarError
from store.accounts.account_states import AccountStates
from store.accounts.accounts import Accounts

_SENT = "sent"  # replaces the text of a key: a grant keeps only its hashes


@dataclass(frozen=True, slots=True)
class AccessGrant:
    """The credentials of a connection, which counts for `developer`; keys as the hashes they may be stored under.

    `project` is the project whose generations a developer reads, `personal_data` the grant by which staff do.
    """

    claims: Claims
    presented: PresentedCredentials
    developer: str
    developer_keys: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
    project: str | None = None
    personal_data: str | None = None


_NEVER: Final = datetime.max.replace(tzinfo=UTC)
OPERATOR_KEY: Final = AccessGrant(Claims("", Role.PLATFORM_OPERATOR, None, "", "", _NEVER), PresentedCredentials(), "")
"""The grant of an operator key, which is valid while a process runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """Check access grants against the current status of accounts."""

    accounts: Accounts
    peppers: Peppers
    tiers: Mapping[str, Tier]
    clock: Callable[[], datetime]

    def grant(
        self, claims: Claims, presented: PresentedCredentials, developer: str, project: str | None = None
    ) -> AccessGrant:
        """Return the grant of some credentials, without the keys themselves."""
        keys = presented.developer_key, presented.api_key
        hidden = replace(presented, developer_key=keys[0] and _SENT, api_key=keys[1] and _SENT)
        developer_keys, api_keys = map(self.peppers.candidates, keys)
        return AccessGrant(claims, hidden, developer, developer_keys, api_keys, project)

    async def revoked(self, grants: Collection[AccessGrant]) -> set[AccessGrant]:
        """Return the grants that are no longer valid; raises StoreError."""
        users = [grant for grant in grants if grant.claims.role is Role.END_USER]
        found = await self.accounts.states.read(
            projects={p for grant in grants if (p := grant.claims.project_id or grant.project) is not None},
            users={grant.claims.subject for grant in users},
            developers={grant.claims.subject for grant in grants if grant.claims.role is Role.DEVELOPER},
            key_hashes={each for grant in grants for each in (*grant.developer_keys, *grant.api_keys)},
            access_keys={key for grant in grants if (key := grant.claims.access_key) is not None},
            staff={grant.claims.subject for grant in grants if grant.claims.role in STAFF and grant != OPERATOR_KEY},
        )
        return {grant for grant in grants if not self._is_valid(grant, found)}

    def _is_valid(self, grant: AccessGrant, found: AccountStates) -> bool:
        if grant == OPERATOR_KEY:
            return True
        try:
            if grant.claims.role in STAFF:
                return self._staff_is_valid(grant, found)
            if grant.claims.role is Role.DEVELOPER:
                state, tier = found.developers.get(grant.claims.subject) or (None, None)
                access.authorize_developer(grant.claims, grant.presented, state, tier, self.tiers)
                owned = (grant.claims.subject, True)
                return grant.project is None or found.projects.get(grant.project) == owned
            project = grant.claims.project_id or ""
            claims = grant.claims
            tenancy = found.tenancy(project, claims.subject, grant.developer_keys, grant.api_keys, claims.access_key)
            access.authorize_end_user(claims, grant.presented, tenancy, self.tiers, now=self.clock())
        except ExemplarError:
            return False
        return True

    def _staff_is_valid(self, grant: AccessGrant, found: AccountStates) -> bool:
        """Raise ExemplarError for an account that lost access; False when its grant has ended."""
        staff = found.staff.get(grant.claims.subject)
        account = None if staff is None or staff.role is not grant.claims.role else staff.account
        access.authorize_staff(grant.claims, grant.presented, account, grant.claims.role)
        grants = staff.grants if staff is not None else ()
        now = self.clock()
        return grant.personal_data is None or any(one.id == grant.personal_data and now < one.until for one in grants)
