from collections.abc import Callable
from datetime import datetime
from functools import partial

from domain.accounts import developer as rules
from domain.accounts.access_keys import require_capacity
from domain.errors import ErrorCode, ExemplarError
from events import developer as facts
from events.commit import Commit
from events.envelope import Cause
from events.generation import Owner
from store.accounts import writes
from store.accounts.access_keys import owned_by
from store.accounts.records import AccessKeyRecord, record_from
from store.accounts.streams import DeveloperStreams, existing
from store.accounts.writes import NewAccessKey
from store.mongo.connection import Database
from store.mongo.transactions import Session


class AccessKeyChanges:
    """Create and revoke access keys of users, each with its event in one transaction."""

    def __init__(self, database: Database, streams: DeveloperStreams, clock: Callable[[], datetime]) -> None:
        self._streams = streams
        self._clock = clock
        self._users = database["users"]
        self._keys = database["access_keys"]

    async def create(self, user: Owner, new: NewAccessKey, *, cause: Cause) -> AccessKeyRecord:
        """Store an access key of a user.

        Raises ExemplarError `not_found` for a user or a project that was deleted meanwhile, `key_limit_exceeded` for
        too many active keys; AlreadyExistsError for a known id.
        """
        created = facts.AccessKeyCreated(
            project=user.project, user=user.user, key=new.key.id, scopes=new.scopes, expires_at=new.expires_at
        )
        document = {
            "_id": new.key.id,
            **owned_by(user),
            "hash": new.key.hash,
            "prefix": new.key.prefix,
            "name": new.key.name,
            "scopes": list(new.scopes),
            "expires_at": new.expires_at,
            "last_used_at": None,
        }
        decision = existing(partial(rules.record_in_project, event=created))
        made = await self._streams.create(
            user.developer, self._keys, document, decision, cause=cause, require=partial(self._require_capacity, user)
        )
        return record_from(AccessKeyRecord, made)

    async def revoke(self, user: Owner, key_id: str, *, cause: Cause) -> None:
        """Revoke an active access key of a user from the next request on; ExemplarError `not_found`."""
        query = {"_id": key_id, **owned_by(user), "active": True}
        write = writes.update(self._keys, query, writes.ended("revoked_at"))
        revoked = facts.AccessKeyRevoked(project=user.project, user=user.user, key=key_id)
        await self._streams.change(
            user.developer, partial(rules.record_in_project, event=revoked), cause=cause, write=write
        )

    async def _require_capacity(self, user: Owner, _: Commit, session: Session) -> None:
        """Check what only documents know; changes of a developer are serial, so that it holds until the commit."""
        active_user = {"_id": user.user, "project_id": user.project, "active": True}
        if await self._users.find_one(active_user, {"_id": 1}, session=session) is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        unexpired = {"$or": [{"expires_at": None}, {"expires_at": {"$gt": self._clock()}}]}
        query = {**owned_by(user), "active": True, **unexpired}
        require_capacity(await self._keys.count_documents(query, session=session))
