"""What an access decision needs, read in one round trip."""

from dataclasses import dataclass

from domain.accounts.access import Tenancy
from store.accounts.queries import credentials_pipeline
from store.accounts.records import account_state, key_state
from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, reachable


@dataclass(frozen=True, slots=True)
class TenancyQuery:
    """The project, user and keys that a request names, keys as their hashes under every pepper."""

    project_id: str
    user_id: str | None = None
    developer_key_hashes: tuple[str, ...] = ()
    api_key_hashes: tuple[str, ...] = ()


class Tenancies:
    """Read all that an access decision needs in one round trip, never from a cache.

    Concurrent reads of the same credentials share one query, which starts after each of them began.
    """

    def __init__(self, database: Database) -> None:
        self._projects = database["projects"]
        self._reads = shared(self._find)

    async def read(self, query: TenancyQuery) -> Tenancy | None:
        """Find what credentials name; None when there is no such project, whoever owns the keys."""
        with reachable():
            return await self._reads.put(query)

    async def _find(self, query: TenancyQuery) -> Tenancy | None:
        pipeline = credentials_pipeline(
            query.project_id,
            query.user_id,
            query.developer_key_hashes,
            query.api_key_hashes,
        )
        found = await self._projects.aggregate(pipeline).to_list(1)
        return _tenancy_from(found[0]) if found and found[0]["developer"] else None


def _tenancy_from(document: Document) -> Tenancy:
    """Read a joined project: `developer`, `user` and `keys` are lists of what was found."""
    keys = document.get("keys", [])
    developer = document["developer"][0]
    return Tenancy(
        project_id=document["_id"],
        project_active=document["active"],
        developer=account_state(developer),
        tier=developer["tier"],
        user=next((account_state(user) for user in document.get("user", [])), None),
        developer_key=next((key_state(key) for key in keys if key["kind"] == "developer"), None),
        api_key=next((key_state(key) for key in keys if key["kind"] == "project"), None),
    )
