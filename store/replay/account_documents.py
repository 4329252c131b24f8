import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Final

from domain.accounts.developer import stream_of
from domain.accounts.platform import STREAM
from domain.audit.account_state import (
    AccessKeyState,
    DeveloperAccounts,
    KeyState,
    ProjectState,
    StaffAccounts,
    StaffMember,
    UserState,
)
from store.accounts.records import grant_document
from store.commits.stream_walk import FoldedStream
from store.mongo.connection import Database, Document, raises_unavailable, reachable
from store.replay.read_model import Compared

_OWNED: Final = ("projects", "keys", "access_keys", "users")


@raises_unavailable
class AccountDocuments:
    """The documents of developers, projects, keys and users, as far as the log knows them: no names, no hashes."""

    kinds: ClassVar[Collection[str]] = ("developer",)

    def __init__(self, database: Database) -> None:
        self._developers = database.get_collection("developers")
        self._owned = {name: database.get_collection(name) for name in _OWNED}

    async def compare(self, streams: Sequence[FoldedStream]) -> Compared:
        accounts: Mapping[str, DeveloperAccounts] = {one.state.developer.id: one.state for one in streams}
        found = await self._developers.find({"_id": {"$in": [*accounts]}}).to_list(None)
        developers = {document["_id"]: document for document in found}
        owned = dict(zip(_OWNED, await asyncio.gather(*map(self._of, _OWNED, [accounts] * len(_OWNED))), strict=True))
        compared = Compared()
        for key, one in accounts.items():
            stream, document = stream_of(key), developers.get(key)
            stored = {} if document is None else {key: _stored_developer(document)}
            compared.add("developers", stream, {key: _developer(one)}, stored)
            for name, (wanted, seen) in _DOCUMENTS.items():
                states: Mapping[str, Any] = getattr(one, name)
                expected = {state: wanted(key, states[state]) for state in states}
                compared.add(name, stream, expected, {doc["_id"]: seen(doc) for doc in owned[name][key]})
        return compared

    async def owners(self) -> AsyncIterator[tuple[str, str, str]]:
        with reachable():
            async for document in self._developers.find({}, {"_id": 1}):
                yield "developers", document["_id"], stream_of(document["_id"])
            for name, documents in self._owned.items():
                async for document in documents.find({}, {"developer_id": 1}):
                    yield name, document["_id"], stream_of(str(document.get("developer_id")))

    async def count(self) -> Mapping[str, int]:
        collections = {"developers": self._developers, **self._owned}
        return {name: await documents.count_documents({}) for name, documents in collections.items()}

    async def _of(self, name: str, developers: Mapping[str, DeveloperAccounts]) -> Mapping[str, list[Document]]:
        found = defaultdict[str, list[Document]](list)
        for document in await self._owned[name].find({"developer_id": {"$in": [*developers]}}).to_list(None):
            found[document["developer_id"]].append(document)
        return found


@raises_unavailable
class StaffDocuments:
    """The documents of operators and auditors, and their grants."""

    kinds: ClassVar[Collection[str]] = ("staff",)

    def __init__(self, database: Database) -> None:
        self._staff = database.get_collection("staff")

    async def compare(self, streams: Sequence[FoldedStream]) -> Compared:
        compared = Compared()
        for one in streams:
            accounts: StaffAccounts = one.state
            found = await self._staff.find({}).to_list(None)
            wanted = {key: _member(member) for key, member in accounts.staff.items()}
            compared.add("staff", STREAM, wanted, {document["_id"]: _stored_member(document) for document in found})
        return compared

    async def owners(self) -> AsyncIterator[tuple[str, str, str]]:
        with reachable():
            async for document in self._staff.find({}, {"_id": 1}):
                yield "staff", document["_id"], STREAM

    async def count(self) -> Mapping[str, int]:
        return {"staff": await self._staff.count_documents({})}


def _developer(one: DeveloperAccounts) -> Document:
    developer = one.developer
    return {
        "tier": developer.tier,
        "active": True,
        "created_at": one.created_at,
        "folded.version": developer.version,
        "folded.projects": sorted(developer.projects),
        "folded.keys": dict(developer.keys),
        "folded.correction": developer.correction,
    }


def _stored_developer(document: Document) -> Document:
    kept = document.get("folded") or {}
    folded = {f"folded.{name}": value for name, value in kept.items()}
    if isinstance(keys := kept.get("keys"), list):
        folded["folded.keys"] = {str(key.get("id")): key.get("project") for key in keys}
    return _chosen(document, "tier", "active", "created_at") | folded


def _project(developer: str, one: ProjectState) -> Document:
    return {
        "developer_id": developer,
        "active": one.deleted_at is None,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "deleted_at": one.deleted_at,
        "erase_now": one.erase_now,
        "erased_at": one.erased_at,
    }


def _stored_project(document: Document) -> Document:
    times = _chosen(document, "developer_id", "active", "created_at", "updated_at", "deleted_at", "erased_at")
    return times | {"erase_now": bool(document.get("erase_now"))}


def _key(developer: str, one: KeyState) -> Document:
    return {
        "developer_id": developer,
        "project_id": one.project,
        "kind": "developer" if one.project is None else "project",
        "active": one.revoked_at is None,
        "created_at": one.created_at,
        "revoked_at": one.revoked_at,
    }


def _stored_key(document: Document) -> Document:
    return _chosen(document, "developer_id", "project_id", "kind", "active", "created_at", "revoked_at")


def _access_key(developer: str, one: AccessKeyState) -> Document:
    return {
        "developer_id": developer,
        "project_id": one.project,
        "user_id": one.user,
        "scopes": list(one.scopes),
        "expires_at": one.expires_at,
        "active": one.revoked_at is None,
        "created_at": one.created_at,
        "revoked_at": one.revoked_at,
    }


def _stored_access_key(document: Document) -> Document:
    owner = _chosen(document, "developer_id", "project_id", "user_id", "scopes", "expires_at")
    return owner | _chosen(document, "active", "created_at", "revoked_at")


def _user(developer: str, one: UserState) -> Document:
    return {
        "developer_id": developer,
        "project_id": one.project,
        "active": one.deleted_at is None,
        "created_at": one.created_at,
        "deleted_at": one.deleted_at,
    }


def _stored_user(document: Document) -> Document:
    return _chosen(document, "developer_id", "project_id", "active", "created_at", "deleted_at")


def _member(one: StaffMember) -> Document:
    grants = {key: grant_document(grant) for key, grant in one.grants.items()}
    return {"role": one.role, "active": True, "created_at": one.created_at, "grants": grants}


def _stored_member(document: Document) -> Document:
    grants = {str(grant.get("id")): grant for grant in document.get("grants") or ()}
    return _chosen(document, "role", "active", "created_at") | {"grants": grants}


def _chosen(document: Document, *names: str) -> Document:
    return {name: document.get(name) for name in names}


_DOCUMENTS: Final[Mapping[str, tuple[Callable[[str, Any], Document], Callable[[Document], Document]]]] = {
    "projects": (_project, _stored_project),
    "keys": (_key, _stored_key),
    "access_keys": (_access_key, _stored_access_key),
    "users": (_user, _stored_user),
}
