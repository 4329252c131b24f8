"""Administration of accounts in the store, without the gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from domain.accounts.access import Role
from domain.accounts.access_keys import Scope, ordered_scopes
from domain.accounts.keys import Peppers
from domain.accounts.names import check_name, normal_email
from domain.accounts.passwords import check_password
from domain.accounts.platform import STREAM as PLATFORM
from domain.accounts.platform import PersonalDataGrant
from domain.accounts.tiers import Tier, tier_of
from domain.errors import TierError
from events.developer import GrantReason
from events.envelope import Cause
from exemplar.environment import ConfigurationError, read
from gateway.auth.settings import PasswordSettings
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.platform import PlatformChanges
from store.accounts.queries import UserQuery
from store.accounts.records import AccessKeyRecord, DeveloperRecord, KeyRecord, ProjectRecord, StaffRecord, UserRecord
from store.accounts.writes import NewAccessKey, NewPassword, NewPerson, mint_access_key, mint_key, random_id

_CAUSE = Cause(actor="operator")
_USERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Overview:
    """A developer with projects, keys, the newest hundred users and the number of users."""

    developer: DeveloperRecord
    projects: tuple[ProjectRecord, ...]
    keys: tuple[KeyRecord, ...]
    users: tuple[UserRecord, ...]
    users_in_all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAdministration:
    """Create, show and change accounts. ConfigurationError is one line that says what to do."""

    accounts: Accounts
    account_changes: AccountChanges
    platform_changes: PlatformChanges
    peppers: Peppers
    tiers: Mapping[str, Tier]

    async def create_staff(self, email: str, role: Role, password: str, name: str | None) -> StaffRecord:
        person = await _person(email, password, name)
        if await self.accounts.find_developer(person.email) is not None:
            raise ConfigurationError("a developer has this address: a login could not tell them apart")
        return await self.platform_changes.create_staff(person, role, cause=_CAUSE)

    async def create_developer(self, email: str, tier: str, password: str, name: str | None) -> DeveloperRecord:
        person = await _person(email, password, name)
        if await self.accounts.staff.find_login(person.email) is not None:
            raise ConfigurationError("an operator or auditor has this address: take another")
        return await self.account_changes.register_developer(person, tier=self._tier(tier).name, cause=_CAUSE)

    async def create_project(self, developer: str, name: str) -> ProjectRecord:
        found = await self._developer(developer)
        limit = self._tier(found.tier).projects
        return await self.account_changes.create_project(found.id, name=_name(name), limit=limit, cause=_CAUSE)

    async def create_user(
        self, developer: str, project: str, email: str, password: str, name: str | None
    ) -> UserRecord:
        found = await self._project(developer, project)
        person = await _person(email, password, name)
        return await self.account_changes.register_user(found.developer_id, found.id, person, cause=_CAUSE)

    async def create_key(self, developer: str, project: str | None, name: str | None) -> tuple[KeyRecord, str]:
        """Mint a developer key or an API key of a project; the key itself is returned once."""
        owner = (await self._developer(developer)).id
        project_id = None if project is None else (await self._project(developer, project)).id
        new, key = mint_key(self.peppers, project_id, _name(name))
        return await self.account_changes.create_key(owner, project_id, new, cause=_CAUSE), key

    async def create_access_key(
        self,
        developer: str,
        project: str,
        user: str,
        *,
        name: str | None,
        scopes: Sequence[Scope],
        end: datetime | None,
    ) -> tuple[AccessKeyRecord, str]:
        """Mint an access key of an end user; the key itself is returned once."""
        owner = (await self._user(developer, project, user)).owner
        new, key = mint_access_key(self.peppers, _name(name))
        stored = NewAccessKey(new, ordered_scopes(scopes), end)
        return await self.account_changes.access_keys.create(owner, stored, cause=_CAUSE), key

    async def revoke_access_key(self, developer: str, project: str, user: str, key: str) -> AccessKeyRecord:
        """Revoke an access key, named by its id or the prefix that is shown."""
        owner = (await self._user(developer, project, user)).owner
        found = await self.accounts.access_keys.of_user(owner)
        fitting = [one for one in found if key in (one.id, one.prefix) and one.active]
        if len(fitting) != 1:
            count = "no" if not fitting else "more than one"
            raise ConfigurationError(f"{count} active access key of this user is {key!r}")
        await self.account_changes.access_keys.revoke(owner, fitting[0].id, cause=_CAUSE)
        return fitting[0]

    async def everybody(self) -> tuple[list[DeveloperRecord], list[StaffRecord]]:
        return (await self.accounts.developers())[0], await self.accounts.staff.all()

    async def overview(self, developer: str) -> Overview:
        found = await self._developer(developer)
        projects = await self.accounts.projects(found.id)
        ids = [project.id for project in projects]
        keys = [key for id_ in (None, *ids) for key in await self.accounts.keys.all_of(found.id, id_)]
        users, total = await self.accounts.users(found.id, ids, UserQuery(page_size=_USERS_SHOWN))
        return Overview(found, tuple(projects), tuple(keys), tuple(users), total)

    async def revoke(self, developer: str, key: str) -> KeyRecord:
        """Revoke a key, named by its id or the prefix that is shown."""
        overview = await self.overview(developer)
        fitting = [one for one in overview.keys if key in (one.id, one.prefix) and one.active]
        if len(fitting) != 1:
            count = "no" if not fitting else "more than one"
            raise ConfigurationError(f"{count} active key is {key!r}: `exemplar accounts show` lists the ids")
        await self.account_changes.revoke_key(overview.developer.id, fitting[0].id, fitting[0].project_id, cause=_CAUSE)
        return fitting[0]

    async def set_tier(self, developer: str, tier: str) -> DeveloperRecord:
        found = await self._developer(developer)
        await self.account_changes.change_tier(found.id, self._tier(tier).name, cause=_CAUSE)
        return await self._developer(found.id)

    async def reset_password(self, developer: str, project: str | None, user: str | None, password: str) -> None:
        """Set the password of a developer, or of an end user of a project."""
        if project is None or user is None:
            found = await self._developer(developer)
            new = NewPassword(await _hash(password))
            await self.account_changes.set_developer_password(found.id, new, cause=_CAUSE)
            return
        one = await self._user(developer, project, user)
        new = NewPassword(await _hash(password))
        await self.account_changes.set_user_password(one.developer_id, one.project_id, one.id, new, cause=_CAUSE)

    async def delete_user(self, developer: str, project: str, user: str) -> UserRecord:
        found = await self._user(developer, project, user)
        await self.account_changes.delete_user(found.developer_id, found.project_id, found.id, cause=_CAUSE)
        return found

    async def delete_staff(self, name: str) -> StaffRecord:
        found = await self._staff(name)
        await self.platform_changes.delete_staff(found.id, cause=_CAUSE)
        return found

    async def grant(self, name: str, reason: GrantReason, until: datetime, case: str | None) -> PersonalDataGrant:
        """Let an operator or auditor read personal data until then."""
        grant = PersonalDataGrant(random_id(), until, reason, case)
        await self.platform_changes.grant_access((await self._staff(name)).id, grant, cause=_CAUSE)
        return grant

    async def grants(self, name: str) -> tuple[PersonalDataGrant, ...]:
        return await self.accounts.staff.grants((await self._staff(name)).id)

    async def end_grants(self, name: str) -> tuple[PersonalDataGrant, ...]:
        """End all grants of an operator or auditor now; return those that were still there."""
        staff = await self._staff(name)
        grants = await self.accounts.staff.grants(staff.id)
        for grant in grants:
            await self.platform_changes.end_grant(staff.id, grant.id, cause=_CAUSE)
        return grants

    async def history(self, developer: str) -> list[dict[str, Any]]:
        """Return all events of a developer, or of the platform."""
        if developer == PLATFORM:
            return [recorded.to_cloudevent() for recorded in await self.platform_changes.history()]
        found = await self._developer(developer)
        return [recorded.to_cloudevent() for recorded in await self.account_changes.history(found.id)]

    async def _staff(self, name: str) -> StaffRecord:
        found = await self.accounts.staff.find(name.strip().lower())
        if found is None:
            raise ConfigurationError(f"no operator or auditor is {name!r}: `exemplar accounts list` has all")
        return found

    async def _developer(self, name: str) -> DeveloperRecord:
        found = await self.accounts.find_developer(name.strip().lower())
        if found is None:
            raise ConfigurationError(f"no developer is {name!r}: `exemplar accounts list` has them all")
        return found

    async def _project(self, developer: str, name: str, *, deleted: bool = False) -> ProjectRecord:
        """Find a project by its id, or by its name when only one has it; on request a `deleted` one."""
        owner = await self._developer(developer)
        projects = await self.accounts.projects(owner.id, deleted=deleted)
        fitting = [one for one in projects if name in (one.id, one.name)]
        if len(fitting) != 1:
            count = "no" if not fitting else "more than one"
            raise ConfigurationError(
                f"{count} project of {developer} is {name!r}: `exemplar accounts show {developer}` lists ids"
            )
        return fitting[0]

    async def _user(self, developer: str, project: str, name: str) -> UserRecord:
        found_project = await self._project(developer, project, deleted=True)
        found = await self.accounts.user(found_project.id, name)
        if found is None:
            login = await self.accounts.find_login(name.strip().lower(), found_project.id)
            found = None if login is None else await self.accounts.user(found_project.id, login.id)
        if found is None:
            raise ConfigurationError(f"no user of project {found_project.name!r} is {name!r}")
        return found

    def _tier(self, name: str) -> Tier:
        try:
            return tier_of(name, self.tiers)
        except TierError:
            there = ", ".join(self.tiers)
            raise ConfigurationError(f"no tier is {name!r}: there are {there}") from None


Text = TypeVar("Text", str, str | None)


def _name(text: Text) -> Text:
    try:
        return text if text is None else check_name(text)
    except ValueError as error:
        raise ConfigurationError(f"the name {error}") from None


async def _hash(password: str) -> str:
    try:
        check_password(password)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return await read(PasswordSettings).passwords.hash(password)


async def _person(email: str, password: str, name: str | None) -> NewPerson:
    try:
        address = normal_email(email)
    except ValueError:
        raise ConfigurationError(f"{email!r} is no e-mail address") from None
    full_name = _name(name)
    return NewPerson(address, await _hash(password), full_name)
