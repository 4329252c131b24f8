"""Queries of accounts in MongoDB's language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from domain.accounts.access import KeyState, Role, Tenancy
from domain.accounts.access_keys import AccessKeyState
from store.accounts.access_keys import ACCESS_KEY_STATE
from store.accounts.records import Login, account_state, record_from
from store.mongo.connection import Document

STATE = {"active": 1, "tier": 1, "role": 1, "ended_sessions": 1, "epoch": 1, "kept_session": 1}
KEY_STATE = {"hash": 1, "kind": 1, "developer_id": 1, "project_id": 1, "active": 1, "last_used_at": 1}


class Credentials(NamedTuple):
    """What an access decision is asked about; keys by their hashes under every pepper, an access key by its id."""

    project_id: str
    user_id: str | None = None
    developer_key_hashes: tuple[str, ...] = ()
    api_key_hashes: tuple[str, ...] = ()
    access_key_id: str | None = None


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which users to list: text in e-mail or name, active or not, and a page of them."""

    search: str | None = None
    active: bool | None = None
    page: int = 1
    page_size: int = 50


def active_projects(developer_id: str, project_id: str | None = None) -> Document:
    query: Document = {"developer_id": developer_id, "active": True}
    return query if project_id is None else {"_id": project_id, **query}


def login(document: Document, role: Role, *, active: bool) -> Login:
    return Login(
        id=document["_id"],
        role=role,
        project_id=document.get("project_id"),
        password_hash=document["password_hash"],
        active=active,
        epoch=document.get("epoch", 0),
    )


def matching_users(developer_id: str, project_ids: Sequence[str], query: UserQuery) -> Document:
    match: Document = {"developer_id": developer_id, "project_id": {"$in": list(project_ids)}}
    match["deleted_at"] = None
    if query.active is not None:
        match["active"] = query.active
    if query.search:
        text = {"$regex": re.escape(query.search), "$options": "i"}
        match["$or"] = [{"email": text}, {"full_name": text}]
    return match


def credentials_pipelines(named: Sequence[Credentials]) -> list[Document]:
    """Join what access decisions need, for one or several; `number` tells for which of them, from 0."""
    first, *others = ([*_credentials(one), {"$set": {"number": number}}] for number, one in enumerate(named))
    return [*first, *({"$unionWith": {"coll": "projects", "pipeline": other}} for other in others)]


def _credentials(named: Credentials) -> list[Document]:
    developer = {"localField": "developer_id", "foreignField": "_id", "pipeline": [{"$project": STATE}]}
    stages: list[Document] = [
        {"$match": {"_id": named.project_id}},
        {"$project": {"active": 1, "developer_id": 1}},
        {"$lookup": {"from": "developers", **developer, "as": "developer"}},
    ]
    if named.user_id is not None:
        stages.append(_join("users", "user", {"_id": named.user_id, "project_id": named.project_id}, STATE))
    hashes = {"developer": named.developer_key_hashes, "project": named.api_key_hashes}
    keys = [{"kind": kind, "hash": {"$in": list(found)}} for kind, found in hashes.items() if found]
    if keys:
        stages.append(_join("keys", "keys", {"$or": keys}, KEY_STATE))
    if named.access_key_id is not None:
        stages.append(_join("access_keys", "access_key", {"_id": named.access_key_id}, ACCESS_KEY_STATE))
    return stages


def tenancy_from(document: Document) -> Tenancy:
    """Read a joined project: `developer`, `user`, `keys` and `access_key` are lists of what was found."""
    # Of several hashes of a kind the first that was found.
    keys = {key["kind"]: record_from(KeyState, key) for key in reversed(document.get("keys", []))}
    [developer] = document["developer"]
    access_keys = [record_from(AccessKeyState, key) for key in document.get("access_key", ())]
    return Tenancy(
        project_id=document["_id"],
        project_active=document["active"],
        developer=account_state(developer),
        tier=developer["tier"],
        user=next(map(account_state, document.get("user", [])), None),
        developer_key=keys.get("developer"),
        api_key=keys.get("project"),
        access_key=next(iter(access_keys), None),
    )


def _join(collection: str, name: str, match: Document, fields: Mapping[str, Any]) -> Document:
    pipeline = [{"$match": match}, {"$project": fields}]
    return {"$lookup": {"from": collection, "pipeline": pipeline, "as": name}}


def session_ended(session: str, until: datetime, now: datetime) -> list[Document]:
    """Add a session to the ended ones of an account and drop those whose tokens have expired."""
    kept = {"input": {"$ifNull": ["$ended_sessions", []]}, "cond": {"$gt": ["$$this.until", now]}}
    ended = {"$concatArrays": [{"$filter": kept}, [{"id": session, "until": until}]]}
    return [{"$set": {"ended_sessions": ended}}]
