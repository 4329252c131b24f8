"""Whether who was let in may stay: the rules of the door once more, for many at once.

That a token has run out since is no reason to go: the login must live, and the keys that were sent.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from domain.accounts import access
from domain.accounts.access import Claims, Presented, Role
from domain.accounts.credentials import Peppers
from domain.accounts.tiers import Tier
from domain.errors import ExemplarError
from store.accounts.account_states import AccountStates
from store.accounts.accounts import Accounts

_SENT = "sent"  # in place of a key, of which only the hashes are kept


@dataclass(frozen=True, slots=True)
class Pass:
    """With what somebody was let in; keys as the hashes that they may stand under, each with its kind.

    `project` is whose generations a developer reads.
    """

    claims: Claims
    presented: Presented
    developer_keys: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Judge passes by how the accounts stand now."""

    accounts: Accounts
    peppers: Peppers
    tiers: Mapping[str, Tier]

    def note(self, claims: Claims, presented: Presented, project: str | None = None) -> Pass:
        """Keep with what somebody was let in, without his keys."""
        hidden = replace(
            presented,
            developer_key=presented.developer_key and _SENT,
            api_key=presented.api_key and _SENT,
        )
        developer_keys = tuple(self.peppers.candidates(presented.developer_key))
        return Pass(
            claims, hidden, developer_keys, tuple(self.peppers.candidates(presented.api_key)), project
        )

    async def fallen(self, passes: Collection[Pass]) -> set[Pass]:
        """Tell which of them would not be let in today; raises StoreError."""
        users = [one for one in passes if one.claims.role is Role.END_USER]
        found = await self.accounts.standings.read(
            projects=set(_projects(passes)),
            users={one.claims.subject for one in users},
            developers={one.claims.subject for one in passes if one.claims.role is Role.DEVELOPER},
            key_hashes={each for one in passes for each in (*one.developer_keys, *one.api_keys)},
        )
        return {one for one in passes if not self._stands(one, found)}

    def _stands(self, one: Pass, found: AccountStates) -> bool:
        try:
            if one.claims.role is Role.DEVELOPER:
                return self._developer_stands(one, found)
            project = one.claims.project_id or ""
            tenancy = found.tenancy(project, one.claims.subject, one.developer_keys, one.api_keys)
            access.reader(one.claims, one.presented, tenancy, self.tiers)
        except ExemplarError:
            return False
        return True

    def _developer_stands(self, one: Pass, found: AccountStates) -> bool:
        state, tier = found.developers.get(one.claims.subject) or (None, None)
        access.developer(one.claims, one.presented, state, tier, self.tiers)
        return one.project is None or found.projects.get(one.project) == (one.claims.subject, True)


def _projects(passes: Collection[Pass]) -> Iterator[str]:
    for one in passes:
        project = one.claims.project_id or one.project
        if project is not None:
            yield project
