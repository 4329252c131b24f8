from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, NamedTuple

from pymongo import IndexModel

from domain.accounts.access_keys import AccessKeyState
from events.generation import Owner
from store.accounts.key_use import KeyUse
from store.accounts.records import AccessKeyRecord, record_from
from store.mongo.connection import Database, Document, Indexes, raises_unavailable

LISTED = 500
_KNOWN = 4096

ACCESS_KEY_STATE = {
    "hash": 1, "developer_id": 1, "project_id": 1, "user_id": 1, "scopes": 1, "expires_at": 1, "active": 1,
    "last_used_at": 1,
}  # fmt: skip


class AccessKeyIdentity(NamedTuple):
    """Whom an access key acts for; this never changes."""

    id: str
    project_id: str
    user_id: str


@raises_unavailable
class AccessKeys:
    """Read the access keys of users; only keyed hashes are stored. `use` notes their use."""

    indexes: ClassVar[Indexes] = {
        "access_keys": [
            IndexModel("hash", unique=True),
            IndexModel([("user_id", 1), ("created_at", -1)]),
            IndexModel("developer_id"),
        ]
    }

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._keys = database["access_keys"]
        self.use = KeyUse(self._keys, clock)
        self._known: OrderedDict[tuple[str, ...], AccessKeyIdentity] = OrderedDict()

    async def identify(self, hashes: tuple[str, ...], present_hash: str) -> AccessKeyIdentity | None:
        """Find whom a key acts for by the hashes that it may have; it may be revoked or expired.

        What was found is kept, because it never changes; an unknown key is looked up each time. A key that is stored
        under the hash of an older pepper is moved to `present_hash`.
        """
        if (known := self._known.get(hashes)) is not None:
            self._known.move_to_end(hashes)
            return known
        found = await self._keys.find_one({"hash": {"$in": list(hashes)}}, ACCESS_KEY_STATE) if hashes else None
        if found is None:
            return None
        state = record_from(AccessKeyState, found)
        self.use.note(state, present_hash)
        return self._keep(hashes, AccessKeyIdentity(state.id, state.project_id, state.user_id))

    def _keep(self, hashes: tuple[str, ...], identity: AccessKeyIdentity) -> AccessKeyIdentity:
        self._known[hashes] = identity
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return identity

    async def of_user(self, user: Owner) -> list[AccessKeyRecord]:
        """List the access keys of a user, newest first, at most 500."""
        found = self._keys.find(owned_by(user)).sort([("created_at", -1), ("_id", 1)])
        return [record_from(AccessKeyRecord, document) for document in await found.to_list(LISTED)]


def owned_by(user: Owner) -> Document:
    """Name the access keys of a user."""
    return {"user_id": user.user, "project_id": user.project, "developer_id": user.developer}
