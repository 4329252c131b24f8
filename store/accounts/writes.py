"""Document writes that are committed together with an event, and what documents of people have in common."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from domain.accounts.keys import (
    ACCESS_KEY_PREFIX,
    API_KEY_PREFIX,
    DEVELOPER_KEY_PREFIX,
    Peppers,
    Randomness,
    display_prefix,
    mint,
)
from domain.errors import ErrorCode, ExemplarError
from events.commit import Commit
from events.envelope import RecordedEvent
from events.erasure import Grounds
from store.commits.contract import Write
from store.mongo.connection import Document
from store.mongo.transactions import Session


def random_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class NewPassword:
    """The hash of a password to set; where its owner sets it, that of the `proved` one and the session to keep."""

    hash: str = field(repr=False)
    proved: str | None = field(default=None, repr=False)
    kept_session: str | None = None


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person to register, the e-mail address in its normal form."""

    email: str = field(repr=False)
    password_hash: str = field(repr=False)
    full_name: str | None = field(default=None, repr=False)
    id: str = field(default_factory=random_id)

    @property
    def document(self) -> Document:
        fields = asdict(self)
        return {"_id": fields.pop("id"), **fields}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to store: its keyed hash, and the prefix and the name to show."""

    hash: str = field(repr=False)
    prefix: str
    name: str | None = None
    id: str = field(default_factory=random_id)


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """An access key of a user to store, with its scopes and its end."""

    key: NewKey
    scopes: tuple[str, ...]
    expires_at: datetime | None


def insert(collection: Any, document: Document) -> Write:
    """Insert a document, created at its event's time; the driver's DuplicateKeyError for a taken value."""

    async def write(commit: Commit, session: Session) -> None:
        document["created_at"] = commit.events[0].time
        await collection.insert_one(document, session=session)

    return write


def in_order(*writes: Write) -> Write:
    """Write several things, one after the other."""

    async def write(commit: Commit, session: Session) -> None:
        for one in writes:
            await one(commit, session)

    return write


def update(collection: Any, query: Document, change_by: Callable[[RecordedEvent], Any]) -> Write:
    """Update a document by the last event; ExemplarError `not_found` when the query matches none."""

    async def write(commit: Commit, session: Session) -> None:
        result = await collection.update_one(query, change_by(commit.events[-1]), session=session)
        if not result.matched_count:
            raise ExemplarError(ErrorCode.NOT_FOUND)

    return write


def delete(*found: tuple[Any, Document]) -> Write:
    """Delete what queries find in their collections, if it is still there."""

    async def write(_: Commit, session: Session) -> None:
        for collection, query in found:
            await collection.delete_many(query, session=session)

    return write


def set_password(collection: Any, owner: Document, new: NewPassword) -> Write:
    """Set a password: every session ends, but the one in which its owner does it.

    ExemplarError `not_found`; `invalid_credentials` when another password was set since it was proved: a reset
    wins.
    """
    query, proof = owner, {}
    if new.proved is not None:
        query, proof = {**owner, "active": True}, {"password_hash": new.proved}
    change = {"$inc": {"epoch": 1}, "$set": {"password_hash": new.hash, "kept_session": new.kept_session}}

    async def write(_: Commit, session: Session) -> None:
        result = await collection.update_one({**query, **proof}, change, session=session)
        if not result.matched_count:
            exists = await collection.find_one(query, {"_id": 1}, session=session)
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS if exists else ErrorCode.NOT_FOUND)

    return write


def ended(when: str) -> Callable[[RecordedEvent], Document]:
    """Deactivate a document, and note when in the field `when`."""
    return lambda recorded: {"$set": {"active": False, when: recorded.time}}


def deleted(recorded: RecordedEvent, grounds: Grounds | None) -> Document:
    """Write when and by which event something was deleted, and why; its erasure names them."""
    return {
        "active": False,
        "deleted_at": recorded.time,
        "deletion": {"event": recorded.id, "grounds": grounds and grounds.model_dump()},
    }


def without_personal_data(recorded: RecordedEvent, grounds: Grounds | None) -> list[Document]:
    """Deactivate a user, and keep of the document only what finds the rest of the data.

    The address makes room: another user may register with it.
    """
    erased = {
        **deleted(recorded, grounds),
        "email": {"$concat": ["deleted:", "$_id"]},
        "password_hash": "",
        "full_name": None,
    }
    return [{"$set": erased}, {"$unset": ["kept_session", "ended_sessions"]}]


def mint_access_key(
    peppers: Peppers,
    name: str | None,
    *,
    key_id: str | None = None,
    randomness: Randomness = secrets.token_bytes,
) -> tuple[NewKey, str]:
    """Mint an access key; return what is stored of it and the key."""
    return _minted(ACCESS_KEY_PREFIX, peppers, name, key_id, randomness)


def mint_key(
    peppers: Peppers,
    project_id: str | None,
    name: str | None,
    *,
    key_id: str | None = None,
    randomness: Randomness = secrets.token_bytes,
) -> tuple[NewKey, str]:
    """Mint an API key of a project or, with None, a developer key; return what is stored of it and the key."""
    prefix = DEVELOPER_KEY_PREFIX if project_id is None else API_KEY_PREFIX
    return _minted(prefix, peppers, name, key_id, randomness)


def _minted(
    prefix: str, peppers: Peppers, name: str | None, key_id: str | None, randomness: Randomness
) -> tuple[NewKey, str]:
    key = mint(prefix, randomness)
    return NewKey(peppers.hash(key), display_prefix(key), name, key_id or random_id()), key
