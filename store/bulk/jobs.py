"""Jobs that act on many generations: what was selected, and how far each is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from events.operation import BulkAction
from store.mongo.connection import Database, Document, Indexes, raises_unavailable

BulkState = Literal["planned", "running", "completed", "canceled"]
LEASE_SECONDS: Final = 15
PLAN_SECONDS: Final = 3600
KEPT_SECONDS: Final = 30 * 24 * 3600
FAILURES_KEPT: Final = 100
_SHOWN: Final = 50
_NOBODY: Final = {"holder": None}
_DUE: Final[Document] = {"$expr": {"$lte": ["$lease_until", "$$NOW"]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """A job and its progress.

    selected: how many generations; done: how many of them were tried, in the order of the selection. request_id: of
    the request that planned it; event: the one that started it. conditions: the values of `filters`, except of
    metadata. options: of the action, such as the reason of an erasure. waiting_for: the error code for which it rests,
    if it does. canceling: it ends after the page under way.
    """

    id: str
    action: BulkAction
    actor: str
    developer: str
    project: str
    filters: tuple[str, ...]
    conditions: Mapping[str, str | None] = field(default_factory=dict)
    options: Mapping[str, Any]
    selected: int
    digest: str
    request_id: str
    state: BulkState = "planned"
    event: str | None = None
    done: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    failures: tuple[Mapping[str, str], ...] = ()
    waiting_for: str | None = None
    canceling: bool = False
    planned_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(slots=True)
class Page:
    """What became of the next generations of a job; `rest`: seconds until it goes on, and the error code why."""

    changed: int = 0
    unchanged: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    rest: tuple[int, str] | None = None

    @property
    def done(self) -> int:
        return self.changed + self.unchanged + len(self.failures)


_FIELDS: Final = {one.name for one in fields(BulkJob)} - {"id", "filters", "failures"}


@raises_unavailable
class BulkJobs:
    """Collections `bulk_jobs` and `bulk_selections`. All times are of MongoDB's clock."""

    indexes: ClassVar[Indexes] = {
        "bulk_jobs": [
            IndexModel([("project", ASCENDING), ("planned_at", DESCENDING)]),
            IndexModel("lease_until", partialFilterExpression={"state": "running"}),
            IndexModel("developer", partialFilterExpression={"state": "running"}),
            IndexModel("expire_at", expireAfterSeconds=0),
        ],
        "bulk_selections": [IndexModel("expire_at", expireAfterSeconds=0)],
    }

    def __init__(self, database: Database) -> None:
        self._jobs = database.get_collection("bulk_jobs")
        self._selections = database.get_collection("bulk_selections")

    async def plan(self, job: BulkJob, generations: Sequence[str]) -> BulkJob:
        """Keep a selection; a plan that is not started within an hour expires."""
        document = {name: value for name, value in asdict(job).items() if value is not None}
        del document["id"]
        selection = {"ids": list(generations), "expire_at": _in(PLAN_SECONDS)}
        await self._write(self._selections, job.id, selection)
        await self._write(self._jobs, job.id, {**document, "planned_at": "$$NOW", "expire_at": _in(PLAN_SECONDS)})
        return await self._existing(job.id)

    async def find(self, project: str, job: str) -> BulkJob | None:
        """Read a job of a project."""
        found = await self._jobs.find_one({"_id": job, "project": project})
        return None if found is None else _job(found)

    async def of_project(self, project: str) -> Sequence[BulkJob]:
        """List the jobs of a project, the newest 50."""
        found = self._jobs.find({"project": project}).sort("planned_at", DESCENDING).limit(_SHOWN)
        return [_job(document) for document in await found.to_list(_SHOWN)]

    async def start(self, job: str, event: str) -> None:
        """Let a planned job run; repeatable."""
        kept = {"expire_at": _in(KEPT_SECONDS)}
        await self._selections.update_one({"_id": job}, [{"$set": kept}])
        running = {"state": "running", "event": event, "started_at": "$$NOW", "lease_until": "$$NOW", **_NOBODY}
        await self._jobs.update_one({"_id": job, "state": "planned"}, [{"$set": {**running, **kept}}])

    async def running(self, developer: str) -> int:
        """Count the running jobs on the projects of a developer, those that rest too."""
        return await self._jobs.count_documents({"developer": developer, "state": "running"})

    async def stop(self, job: str, holder: str) -> BulkJob | None:
        """Let a running job end after the page under way; return it, claimed, where nobody acts on it.

        None where somebody does, who ends it, and for a job that does not run.
        """
        await self._jobs.update_one(_running(job), [{"$set": {"canceling": True}}])
        return await self._claimed({**_running(job), "$or": [{"holder": None}, _DUE]}, holder)

    async def claim(self, holder: str) -> BulkJob | None:
        """Take the job whose lease has run out for the longest time; None when there is none.

        The other jobs of its developer go behind those of all others, so that developers take turns.
        """
        found = await self._claimed({"state": "running", **_DUE}, holder)
        if found is not None:
            due = {"developer": found.developer, "state": "running", **_DUE}
            await self._jobs.update_many(due, [{"$set": {"lease_until": "$$NOW"}}])
        return found

    async def _claimed(self, query: Document, holder: str) -> BulkJob | None:
        taken = {"holder": {"$literal": holder}, "lease_until": _in(LEASE_SECONDS), "waiting_for": None}
        found = await self._jobs.find_one_and_update(
            query, [{"$set": taken}], sort=[("lease_until", ASCENDING)], return_document=ReturnDocument.AFTER
        )
        return None if found is None else _job(found)

    async def next_generations(self, job: BulkJob, limit: int) -> Sequence[str]:
        """Read the next ids of the selection."""
        found = await self._selections.find_one({"_id": job.id}, {"ids": {"$slice": [job.done, limit]}})
        return [] if found is None else list(found["ids"])

    async def note(self, job: BulkJob, holder: str, page: Page) -> BulkJob | None:
        """Note a page and renew the lease, or rest; None when the job is somebody else's, or has ended."""
        kept = page.failures[: max(0, FAILURES_KEPT - len(job.failures))]
        change = {
            "done": job.done + page.done,
            "changed": job.changed + page.changed,
            "unchanged": job.unchanged + page.unchanged,
            "failed": job.failed + len(page.failures),
            "failures": {"$literal": [*map(dict, job.failures), *kept]},
            "lease_until": _rest(page.rest[0]) if page.rest else _in(LEASE_SECONDS),
            "waiting_for": page.rest[1] if page.rest else None,
            **(_NOBODY if page.rest else {}),
        }
        mine = {"_id": job.id, "state": "running", "holder": holder, "done": job.done}
        found = await self._jobs.find_one_and_update(mine, [{"$set": change}], return_document=ReturnDocument.AFTER)
        return None if found is None else _job(found)

    async def end(
        self, job: str, state: BulkState, *, before: Sequence[BulkState] = ("planned", "running")
    ) -> BulkJob | None:
        """End a job that is in one of some states, and delete its selection; None for one that is not."""
        over = {"lease_until": "$$REMOVE", "canceling": "$$REMOVE", "waiting_for": None}
        ended = {"state": state, "ended_at": "$$NOW", **over, **_NOBODY}
        found = await self._jobs.find_one_and_update(
            {"_id": job, "state": {"$in": [*before]}},
            [{"$set": ended}],
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            return None
        await self._selections.delete_one({"_id": job})
        return _job(found)

    async def release(self, holder: str) -> None:
        """Let others go on with the jobs of a holder that stops."""
        await self._jobs.update_many(
            {"holder": holder, "state": "running"}, [{"$set": {"lease_until": "$$NOW", **_NOBODY}}]
        )

    async def _write(self, collection: Any, key: str, values: Document) -> None:
        written = {name: value if name.endswith("_at") else {"$literal": value} for name, value in values.items()}
        await collection.update_one({"_id": key}, [{"$set": written}], upsert=True)

    async def _existing(self, job: str) -> BulkJob:
        found = await self._jobs.find_one({"_id": job})
        if found is None:
            raise LookupError(job)
        return _job(found)


def _running(job: str) -> Document:
    return {"_id": job, "state": "running"}


def _rest(seconds: int) -> Document:
    """Write the end of a rest: now, for a job that was told to end meanwhile."""
    return {"$cond": ["$canceling", "$$NOW", _in(seconds)]}


def _in(seconds: int) -> Document:
    return {"$add": ["$$NOW", seconds * 1000]}


def _job(document: Document) -> BulkJob:
    known = {name: document[name] for name in _FIELDS & set(document)}
    return BulkJob(
        id=document["_id"], filters=tuple(document["filters"]), failures=tuple(document["failures"]), **known
    )
