from dataclasses import dataclass
from typing import Final, Literal

from domain.audit.terms import owner_among, term
from domain.errors import ErrorCode, ExemplarError
from domain.generation.lifecycle import Timeouts
from domain.generation.listing import Filters, Scope
from events.envelope import Cause
from events.erasure import Grounds
from store.accounts.changes import AccountChanges
from store.audit.audit_log import AuditLog
from store.generations.erasure import GenerationErasure
from store.generations.generations import Generations
from store.generations.lists import Lists
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of
from store.mongo.connection import Database, reachable

MOST_COUNTED: Final = 100_000
"""What is left to be erased is counted up to so many."""

ErasureKind = Literal["generation", "user", "project"]
ErasureState = Literal["kept", "erasing", "erased"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """How far something is erased; the counts are what it has left.

    `running` are those of the generations that are not final.
    """

    kind: ErasureKind
    id: str
    developer: str
    project: str
    state: ErasureState
    generations: int = 0
    running: int = 0
    users: int = 0
    endpoints: int = 0


class Erasures:
    """Find what can be erased, and have it erased; `AccountErasure` does that of users and projects."""

    def __init__(
        self,
        database: Database,
        *,
        generations: Generations,
        generation_erasure: GenerationErasure,
        account_changes: AccountChanges,
        audit_log: AuditLog,
        lists: Lists,
        projection: Projection,
        personal_data: PersonalDataStore,
        timeouts: Timeouts,
    ) -> None:
        self._users = database["users"]
        self._projects = database["projects"]
        self._endpoints = database["webhook_endpoints"]
        self._generations = generations
        self._generation_erasure = generation_erasure
        self._account_changes = account_changes
        self._audit_log = audit_log
        self._lists = lists
        self._projection = projection
        self._personal_data = personal_data
        self._timeouts = timeouts

    async def find(self, kind: ErasureKind, name: str, *, developer: str | None = None) -> Erasure:
        """Count what is left of something; `not_found` if there never was any, or it is not of a `developer`."""
        with reachable():
            match kind:
                case "generation":
                    found = await self._generation(name)
                case "user":
                    found = await self._user(name)
                case "project":
                    found = await self._project(name)
        if found is None or developer not in (None, found.developer):
            raise ExemplarError(ErrorCode.NOT_FOUND, f"There is no such {kind}")
        return found

    async def request(self, found: Erasure, grounds: Grounds, cause: Cause) -> Erasure:
        """Have it erased, unless that was requested before; return how far it is."""
        if found.state != "kept":
            return found
        match found.kind:
            case "generation":
                await self._erase_generation(found.id, grounds, cause)
            case "user":
                await self._account_changes.delete_user(found.developer, found.project, found.id, grounds, cause=cause)
            case "project":
                await self._account_changes.request_project_erasure(found.developer, found.id, grounds, cause=cause)
        return await self.find(found.kind, found.id)

    async def _erase_generation(self, name: str, grounds: Grounds, cause: Cause) -> None:
        decided = await self._generation_erasure.erase(name, grounds=grounds, cause=cause)
        if decided is not None and decided.events:
            rows = await rows_of([decided.generation], self._personal_data, self._timeouts)
            await self._projection.write(rows)

    async def _generation(self, name: str) -> Erasure | None:
        found = await self._generations.load(name)
        if found is None:
            return None
        state: ErasureState = "erased" if found.erased else "erasing" if found.erase_requested else "kept"
        owner = found.request.owner
        left = {"generations": int(not found.erased), "running": int(not found.final)}
        return Erasure("generation", name, owner.developer, owner.project, state, **left)

    async def _user(self, name: str) -> Erasure | None:
        found = await self._users.find_one({"_id": name}, {"developer_id": 1, "project_id": 1, "deleted_at": 1})
        if found is None:
            return await self._erased_user(name)
        state: ErasureState = "erasing" if found.get("deleted_at") else "kept"
        generations, running = await self._count(Scope(found["project_id"], name))
        owner = (found["developer_id"], found["project_id"])
        return Erasure("user", name, *owner, state, generations=generations, running=running, users=1)

    async def _erased_user(self, name: str) -> Erasure | None:
        """Find a user in the log, which keeps the ids of those whose account is gone."""
        terms = await self._audit_log.terms_of_first(term("user", name))
        owner = owner_among(terms)
        return Erasure("user", name, owner["developer"], owner["project"], "erased") if owner else None

    async def _project(self, name: str) -> Erasure | None:
        found = await self._projects.find_one({"_id": name}, {"developer_id": 1, "erase_now": 1, "erased_at": 1})
        if found is None:
            return None
        state: ErasureState = "erased" if found.get("erased_at") else "erasing" if found.get("erase_now") else "kept"
        generations, running = await self._count(Scope(name))
        users = await self._users.count_documents({"project_id": name})
        endpoints = await self._endpoints.count_documents({"project": name})
        owner = (found["developer_id"], name)
        return Erasure("project", name, *owner, state, generations, running, users, endpoints)

    async def _count(self, scope: Scope) -> tuple[int, int]:
        """Count the generations of a scope that are not erased, and those of them that run."""
        pending, processing = Filters(status="pending"), Filters(status="processing")
        counts = [
            await self._lists.count(scope, filters, most=MOST_COUNTED) for filters in (Filters(), pending, processing)
        ]
        return counts[0], counts[1] + counts[2]
