"""Whether who was let in may stay: the rules of the door once more, for many at once.

That a token has run out since is no reason to go: the login must live, and the keys that were sent.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from domain.accounts import access
from domain.accounts.access import Claims, PresentedCredentials, Role
from domain.accounts.credentials import Peppers
from domain.accounts.tiers import Tier
from domain.errors import ExemplarError
from store.accounts.account_states import AccountStates
from store.accounts.accounts import Accounts

_SENT = "sent"  # in place of a key, of which only the hashes are kept


@dataclass(frozen=True, slots=True)
class AccessGrant:
    """With what somebody was let in; keys as the hashes that they may stand under, each with its kind.

    `project` is whose generations a developer reads.
    """

    claims: Claims
    presented: PresentedCredentials
    developer_keys: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """Judge passes by how the accounts stand now."""

    accounts: Accounts
    peppers: Peppers
    tiers: Mapping[str, Tier]

    def note(
        self, claims: Claims, presented: PresentedCredentials, project: str | None = None
    ) -> AccessGrant:
        """Keep with what somebody was let in, without his keys."""
        hidden = replace(
            presented,
            developer_key=presented.developer_key and _SENT,
            api_key=presented.api_key and _SENT,
        )
        developer_keys = tuple(self.peppers.candidates(presented.developer_key))
        return AccessGrant(
            claims, hidden, developer_keys, tuple(self.peppers.candidates(presented.api_key)), project
        )

    async def revoked(self, grants: Collection[AccessGrant]) -> set[AccessGrant]:
        """Tell which of them would not be let in today; raises StoreError."""
        users = [grant for grant in grants if grant.claims.role is Role.END_USER]
        found = await self.accounts.states.read(
            projects=set(_projects(grants)),
            users={grant.claims.subject for grant in users},
            developers={grant.claims.subject for grant in grants if grant.claims.role is Role.DEVELOPER},
            key_hashes={each for grant in grants for each in (*grant.developer_keys, *grant.api_keys)},
        )
        return {grant for grant in grants if not self._stands(grant, found)}

    def _stands(self, grant: AccessGrant, found: AccountStates) -> bool:
        try:
            if grant.claims.role is Role.DEVELOPER:
                return self._developer_stands(grant, found)
            project = grant.claims.project_id or ""
            tenancy = found.tenancy(project, grant.claims.subject, grant.developer_keys, grant.api_keys)
            access.reader(grant.claims, grant.presented, tenancy, self.tiers)
        except ExemplarError:
            return False
        return True

    def _developer_stands(self, grant: AccessGrant, found: AccountStates) -> bool:
        state, tier = found.developers.get(grant.claims.subject) or (None, None)
        access.developer(grant.claims, grant.presented, state, tier, self.tiers)
        return grant.project is None or found.projects.get(grant.project) == (grant.claims.subject, True)


def _projects(grants: Collection[AccessGrant]) -> Iterator[str]:
    for grant in grants:
        project = grant.claims.project_id or grant.project
        if project is not None:
            yield project
