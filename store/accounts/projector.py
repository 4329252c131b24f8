"""The documents of accounts as a projection of the developers' streams.

Every application is repeatable: what an event made valid is a draft no more, and the rest ends for good.
"""

from collections.abc import Mapping
from typing import Any, assert_never, cast

from domain.accounts.developer import Developer
from events.developer import (
    DeveloperEvent,
    DeveloperPasswordChanged,
    DeveloperPasswordReset,
    DeveloperRegistered,
    DeveloperTierChanged,
    DraftWithdrawn,
    KeyCreated,
    KeyRevoked,
    ProjectCreated,
    ProjectDeleted,
    ProjectErased,
    ProjectRenamed,
    QuotaCorrected,
    UserDeleted,
    UserErased,
    UserPasswordChanged,
    UserPasswordReset,
    UserRegistered,
)
from events.envelope import RecordedEvent
from store.mongo.connection import Database, Document, reachable

_PENDING = {"pending_since": {"$exists": True}}
_SNAPSHOT = {"version": 1, "tier": 1, "living_projects": 1, "living_keys": 1, "correction": 1}
_RESET: Mapping[str, Any] = {"$inc": {"epoch": 1}, "$unset": {"kept_session": ""}}
OWN_PASSWORD: Mapping[str, Any] = {"$inc": {"epoch": 1}}  # the draft names the session that goes on


class AccountProjector:
    """Write into the documents what an event says; keep the folded developer beside his own."""

    def __init__(self, database: Database) -> None:
        self._developers = database["developers"]
        self._projects = database["projects"]
        self._users = database["users"]
        self._keys = database["keys"]

    async def snapshot(self, developer_id: str) -> Developer | None:
        """Read the developer as far as his documents have been written; None before the first event."""
        with reachable():
            found = await self._developers.find_one({"_id": developer_id}, _SNAPSHOT)
        if found is None or "version" not in found:
            return None
        return Developer(
            developer_id,
            found["version"],
            found["tier"],
            frozenset(found["living_projects"]),
            {key["id"]: key["project"] for key in found["living_keys"]},
            found.get("correction"),
        )

    async def keep(self, developer: Developer) -> None:
        """Note how far the documents have been written; an older note never replaces a newer one."""
        older = {"$or": [{"version": {"$exists": False}}, {"version": {"$lt": developer.version}}]}
        note = {
            "version": developer.version,
            "tier": developer.tier,
            "living_projects": sorted(developer.projects),
            "living_keys": [{"id": key, "project": place} for key, place in developer.keys.items()],
            "correction": developer.correction,
        }
        with reachable():
            await self._developers.update_one({"_id": developer.id, **older}, {"$set": note})

    async def apply(self, developer_id: str, recorded: RecordedEvent) -> None:
        """Write one event into the document it is about."""
        event = cast("DeveloperEvent", recorded.event)
        mine = {"developer_id": developer_id}
        with reachable():
            match event:
                case DeveloperRegistered():
                    await activate(self._developers, {"_id": developer_id})
                case DeveloperTierChanged() | DraftWithdrawn() | QuotaCorrected():
                    return  # `keep` writes the tier; a draft never was more; the ledger is no account
                case DeveloperPasswordReset():
                    await validate(self._developers, {"_id": developer_id}, event.change, _RESET)
                case DeveloperPasswordChanged():
                    await validate(self._developers, {"_id": developer_id}, event.change, OWN_PASSWORD)
                case ProjectCreated():
                    await activate(self._projects, {"_id": event.project, **mine})
                case ProjectRenamed():
                    changed = {"$set": {"updated_at": recorded.time}}
                    owner = {"_id": event.project, **mine}
                    await validate(self._projects, owner, event.change, changed)
                case ProjectDeleted():
                    await _end(self._projects, {"_id": event.project, **mine}, "deleted_at", recorded)
                case ProjectErased():
                    await self._forget_project({"project_id": event.project, **mine}, recorded)
                case KeyCreated():
                    await activate(self._keys, {"_id": event.key, **mine})
                case KeyRevoked():
                    await _end(self._keys, {"_id": event.key, **mine}, "revoked_at", recorded)
                case _:
                    await self._apply_to_user({"project_id": event.project, **mine}, event, recorded)

    async def _forget_project(self, place: Document, recorded: RecordedEvent) -> None:
        """Leave of a project what counts it: its words go, and those of its keys."""
        project = {"_id": place["project_id"], "developer_id": place["developer_id"], "active": False}
        nothing = {"name": "", "description": None, "erased_at": recorded.time}
        await self._projects.update_one(project, {"$set": nothing, "$unset": {"drafts": ""}})
        await self._keys.update_many(place, {"$set": {"name": None}})

    async def _apply_to_user(
        self,
        place: Document,
        event: UserRegistered | UserPasswordReset | UserPasswordChanged | UserDeleted | UserErased,
        recorded: RecordedEvent,
    ) -> None:
        owner = {"_id": event.user, **place}
        match event:
            case UserRegistered():
                await activate(self._users, owner)
            case UserPasswordReset():
                await validate(self._users, owner, event.change, _RESET)
            case UserPasswordChanged():
                await validate(self._users, owner, event.change, OWN_PASSWORD)
            case UserDeleted():
                await self._users.update_one(
                    {**owner, "deleted_at": {"$exists": False}}, _forgotten(recorded)
                )
            case UserErased():
                await self._users.delete_one({**owner, "deleted_at": {"$exists": True}})
            case _:
                assert_never(event)


async def activate(collection: Any, owner: Document) -> None:
    """Let a draft be what it was made to be; repeatable."""
    change = {"$set": {"active": True}, "$unset": {"pending_since": "", "withdrawn": ""}}
    await collection.update_one({**owner, **_PENDING}, change)


async def validate(collection: Any, owner: Document, change: str, also: Mapping[str, Any]) -> None:
    """Put a draft of some fields in force; one that is in force already is a draft no more."""
    waiting = {**owner, f"drafts.{change}": {"$exists": True}}
    found = await collection.find_one(waiting, {"drafts": 1})
    if found is None:
        return
    fields = {**found["drafts"][change]["fields"], **also.get("$set", {})}
    gone = {f"drafts.{change}": "", **also.get("$unset", {})}
    await collection.update_one(waiting, {**also, "$set": fields, "$unset": gone})


async def _end(collection: Any, owner: Document, when: str, recorded: RecordedEvent) -> None:
    change = {"$set": {"active": False, when: recorded.time}}
    await collection.update_one({**owner, "active": True}, change)


def _forgotten(recorded: RecordedEvent) -> list[Document]:
    """Leave of a user what finds the rest of him: no word of his, and no address that somebody could want."""
    nobody = {
        "active": False,
        "deleted_at": recorded.time,
        "email": {"$concat": ["deleted:", "$_id"]},
        "password_hash": "",
        "full_name": None,
    }
    gone = ["drafts", "drafted_since", "pending_since", "withdrawn", "kept_session", "ended_sessions"]
    return [{"$set": nobody}, {"$unset": gone}]
