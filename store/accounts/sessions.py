from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pymongo import IndexModel, ReturnDocument

from store.mongo.connection import Database, Indexes, raises_unavailable


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """The login attempts in the window that ends at `until`, this one included."""

    count: int
    until: datetime


@raises_unavailable
class AccountSessions:
    """Store refresh families (`_id` is the session), attempts and known addresses; all of them expire."""

    indexes: ClassVar[Indexes] = {
        "refresh_families": [IndexModel("expires_at", expireAfterSeconds=0), IndexModel("subject")],
        "login_attempts": [IndexModel("until", expireAfterSeconds=0), IndexModel("subject", sparse=True)],
    }

    def __init__(self, database: Database) -> None:
        self._families = database["refresh_families"]
        self._attempts = database["login_attempts"]

    async def open(self, session: str, *, subject: str, token_id: str, expires_at: datetime) -> None:
        """Start a family with its first refresh token."""
        family = {
            "_id": session,
            "subject": subject,
            "current": token_id,
            "expires_at": expires_at,
            "revoked": False,
        }
        await self._families.insert_one(family)

    async def rotate(self, session: str, *, subject: str, used: str, following: str, expires_at: datetime) -> bool:
        """Replace the family's current token; False, and the family is revoked, when `used` is another."""
        unused = {"_id": session, "subject": subject, "current": used, "revoked": False}
        change = {"$set": {"current": following, "expires_at": expires_at}}
        if await self._families.find_one_and_update(unused, change) is not None:
            return True
        await self.revoke(session, subject=subject)
        return False

    async def revoke(self, session: str, *, subject: str) -> None:
        """Revoke a family: none of its refresh tokens works any more."""
        await self._families.update_one({"_id": session, "subject": subject}, {"$set": {"revoked": True}})

    async def delete_subject(self, subject: str) -> None:
        """Delete every family and known address of an erased account."""
        await self._families.delete_many({"subject": subject})
        await self._attempts.delete_many({"subject": subject})

    async def count_attempt(self, name: str, *, now: datetime, window: timedelta) -> AttemptCount:
        """Count one more login attempt of `name`; a window begins with the first attempt in it."""
        running = {"$gt": ["$until", now]}
        change = {
            "count": {"$cond": [running, {"$add": ["$count", 1]}, 1]},
            "until": {"$cond": [running, "$until", now + window]},
        }
        kept = await self._attempts.find_one_and_update(
            {"_id": name}, [{"$set": change}], upsert=True, return_document=ReturnDocument.AFTER
        )
        return AttemptCount(kept["count"], kept["until"])

    async def delete_attempts(self, name: str) -> None:
        """Delete the counter `name` after a correct password."""
        await self._attempts.delete_one({"_id": name})

    async def take_back(self, names: Sequence[str]) -> None:
        """Subtract one attempt of each name that turned out to be none."""
        if not names:
            return
        query = {"_id": {"$in": list(names)}, "count": {"$gt": 0}}
        await self._attempts.update_many(query, {"$inc": {"count": -1}})

    async def knows_address(self, names: Sequence[str], *, now: datetime) -> bool:
        """Tell whether a login succeeded before; each of the `names` hashes account and client address."""
        query = {"_id": {"$in": list(names)}, "until": {"$gt": now}}
        return await self._attempts.find_one(query, {"_id": 1}) is not None

    async def remember_address(self, name: str, *, subject: str, until: datetime) -> None:
        """Remember a client address of an account until then."""
        await self._attempts.update_one({"_id": name}, {"$set": {"subject": subject, "until": until}}, upsert=True)
