import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from domain.accounts.access import AccountState, KeyState, Role, Tenancy
from domain.accounts.access_keys import AccessKeyState
from domain.accounts.platform import PersonalDataGrant
from store.accounts.access_keys import ACCESS_KEY_STATE
from store.accounts.queries import KEY_STATE, STATE
from store.accounts.records import account_state, grants_of, record_from
from store.mongo.connection import Database, Document, raises_unavailable

Key = TypeVar("Key")
Value = TypeVar("Value")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StaffState:
    """The account of an operator or an auditor, and what it was granted."""

    account: AccountState
    role: Role
    grants: tuple[PersonalDataGrant, ...]


@dataclass(frozen=True, slots=True)
class AccountStates:
    """What was found; what is missing does not exist."""

    projects: Mapping[str, tuple[str, bool]]
    users: Mapping[tuple[str, str], AccountState]
    developers: Mapping[str, tuple[AccountState, str]]
    keys: Mapping[tuple[str, str], KeyState]
    staff: Mapping[str, StaffState]
    access_keys: Mapping[str, AccessKeyState]

    def tenancy(
        self,
        project: str,
        user: str,
        developer_keys: Sequence[str],
        api_keys: Sequence[str],
        access_key: str | None = None,
    ) -> Tenancy | None:
        """Join what an access decision needs, as `Accounts.credentials` does for one."""
        developer, active = self.projects.get(project, ("", False))
        found = self.developers.get(developer)
        if found is None:
            return None
        return Tenancy(
            project_id=project,
            project_active=active,
            developer=found[0],
            tier=found[1],
            user=self.users.get((project, user)),
            developer_key=self._key("developer", developer_keys),
            api_key=self._key("project", api_keys),
            access_key=None if access_key is None else self.access_keys.get(access_key),
        )

    def _key(self, kind: str, hashes: Sequence[str]) -> KeyState | None:
        return next((self.keys[kind, one] for one in hashes if (kind, one) in self.keys), None)


@raises_unavailable
class AccountStateReader:
    """Read the status of accounts, never from a cache, in two or three round trips for any number."""

    def __init__(self, database: Database) -> None:
        self._projects = database["projects"]
        self._users = database["users"]
        self._developers = database["developers"]
        self._keys = database["keys"]
        self._staff = database["staff"]
        self._access_keys = database["access_keys"]

    async def read(
        self,
        *,
        projects: Collection[str],
        users: Collection[str],
        developers: Collection[str],
        key_hashes: Collection[str],
        staff: Collection[str] = (),
        access_keys: Collection[str] = (),
    ) -> AccountStates:
        """Read projects with their developers, users in them, further developers, keys by their hashes, staff.

        Access keys are read by their ids.
        """
        in_projects = {"project_id": {"$in": list(projects)}}
        owned, members, keys, people, acting = await asyncio.gather(
            _find(self._projects, "_id", projects, {"active": 1, "developer_id": 1}),
            _find(self._users, "_id", users, {**STATE, "project_id": 1}, in_projects),
            _find(self._keys, "hash", key_hashes, KEY_STATE),
            _find(self._staff, "_id", staff, {**STATE, "grants": 1}),
            _find(self._access_keys, "_id", access_keys, ACCESS_KEY_STATE),
        )
        owners = {owner for one in owned if isinstance(owner := one.get("developer_id"), str)} | set(developers)
        found = await _find(self._developers, "_id", owners, STATE)
        return AccountStates(
            _sound(owned, lambda one: (one["_id"], (one["developer_id"], one["active"]))),
            _sound(members, lambda one: ((one["project_id"], one["_id"]), account_state(one))),
            _sound(found, lambda one: (one["_id"], (account_state(one), one["tier"]))),
            _sound(keys, lambda one: ((one["kind"], one["hash"]), record_from(KeyState, one))),
            _sound(people, lambda one: (one["_id"], StaffState(account_state(one), Role(one["role"]), grants_of(one)))),
            _sound(acting, lambda one: (one["_id"], record_from(AccessKeyState, one))),
        )


def _sound(documents: Iterable[Document], read: Callable[[Document], tuple[Key, Value]]) -> Mapping[Key, Value]:
    """Read documents by their keys; a damaged one is logged and missing, so that it concerns its account alone."""
    found: dict[Key, Value] = {}
    for document in documents:
        try:
            key, value = read(document)
            found[key] = value
        except (LookupError, TypeError, ValueError, AttributeError) as error:  # also a key that is a list
            log.critical("account_damaged", account_id=document["_id"], error=error)
    return found


async def _find(
    documents: Any, name: str, values: Collection[str], fields: Document, more: Document | None = None
) -> list[Document]:
    if not values:
        return []
    found = documents.find({name: {"$in": list(values)}, **(more or {})}, fields)
    return [document async for document in found]
