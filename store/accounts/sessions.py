"""Logins: families of refresh tokens, and how often somebody has tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pymongo import IndexModel, ReturnDocument

from store.mongo.connection import Database, Indexes, reachable


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """How many logins were tried in the window that ends at `until`, this one included."""

    count: int
    until: datetime


class AccountSessions:
    """Keep refresh families (`_id` is the session), login attempts and known places; all go away in time."""

    indexes: ClassVar[Indexes] = {
        "refresh_families": [IndexModel("expires_at", expireAfterSeconds=0), IndexModel("subject")],
        "login_attempts": [IndexModel("until", expireAfterSeconds=0), IndexModel("subject", sparse=True)],
    }

    def __init__(self, database: Database) -> None:
        self._families = database["refresh_families"]
        self._attempts = database["login_attempts"]

    async def open(self, session: str, *, subject: str, token_id: str, expires_at: datetime) -> None:
        """Begin a family with its first refresh token."""
        family = {
            "_id": session,
            "subject": subject,
            "current": token_id,
            "expires_at": expires_at,
            "revoked": False,
        }
        with reachable():
            await self._families.insert_one(family)

    async def rotate(
        self, session: str, *, subject: str, used: str, following: str, expires_at: datetime
    ) -> bool:
        """Exchange the family's current token; False, and the family is revoked, when `used` is another."""
        living = {"_id": session, "subject": subject, "current": used, "revoked": False}
        change = {"$set": {"current": following, "expires_at": expires_at}}
        with reachable():
            if await self._families.find_one_and_update(living, change) is not None:
                return True
        await self.revoke(session, subject=subject)
        return False

    async def revoke(self, session: str, *, subject: str) -> None:
        """End a family: none of its refresh tokens works any more."""
        with reachable():
            await self._families.update_one({"_id": session, "subject": subject}, {"$set": {"revoked": True}})

    async def forget_subject(self, subject: str) -> None:
        """Delete every family and known place of an account that is no more."""
        with reachable():
            await self._families.delete_many({"subject": subject})
            await self._attempts.delete_many({"subject": subject})

    async def count_attempt(self, name: str, *, now: datetime, window: timedelta) -> AttemptCount:
        """Count one more login attempt of `name`; a window begins with the first attempt in it."""
        running = {"$gt": ["$until", now]}
        change = {
            "count": {"$cond": [running, {"$add": ["$count", 1]}, 1]},
            "until": {"$cond": [running, "$until", now + window]},
        }
        with reachable():
            kept = await self._attempts.find_one_and_update(
                {"_id": name}, [{"$set": change}], upsert=True, return_document=ReturnDocument.AFTER
            )
        return AttemptCount(kept["count"], kept["until"])

    async def forget_attempts(self, name: str) -> None:
        """Forget the attempts of `name`, who has proved himself."""
        with reachable():
            await self._attempts.delete_one({"_id": name})

    async def take_back(self, names: Sequence[str]) -> None:
        """Uncount one attempt of each name, which was none after all."""
        if not names:
            return
        query = {"_id": {"$in": list(names)}, "count": {"$gt": 0}}
        with reachable():
            await self._attempts.update_many(query, {"$inc": {"count": -1}})

    async def knows_place(self, names: Sequence[str], *, now: datetime) -> bool:
        """Tell whether an account was logged in to from a place, which both are in each of the `names`."""
        query = {"_id": {"$in": list(names)}, "until": {"$gt": now}}
        with reachable():
            return await self._attempts.find_one(query, {"_id": 1}) is not None

    async def know_place(self, name: str, *, subject: str, until: datetime) -> None:
        """Know a place of an account until then."""
        with reachable():
            await self._attempts.update_one(
                {"_id": name}, {"$set": {"subject": subject, "until": until}}, upsert=True
            )
