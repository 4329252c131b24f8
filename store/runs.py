"""Runs that somebody asks for and the scheduler makes: the one that is wanted, and the report of the last one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from pymongo import ReturnDocument

from store.mongo.connection import Document, MongoCollection, raises_unavailable

_WANTED: Final = "wanted"
_LATEST: Final = "latest"
_FAILED: Final = "failed"
_REST: Final = timedelta(seconds=10)
_STEP: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class WantedRun:
    """A run that was asked for: when it began, None before, and how much of how much it has read."""

    requested_at: datetime
    began_at: datetime | None
    done: int
    size: int


@dataclass(frozen=True, slots=True)
class LatestReport:
    """The report of the last run that was completed, as JSON, and when that run began."""

    began_at: datetime
    body: Mapping[str, Any]


class RunReplacedError(Exception):
    """Another process has begun the run anew, because this one was too late to keep its lease."""


@raises_unavailable
class RequestedRuns:
    """A collection with the wanted run and the latest report. All times are of MongoDB's clock.

    A run is named by the time of its begin. After a run, also a failed one, none begins for ten seconds, or
    `rest_factor` times as long as it took.
    """

    rest_factor: ClassVar[int] = 9

    def __init__(self, runs: MongoCollection, server_time: Callable[[], Awaitable[datetime]]) -> None:
        self._runs = runs
        self._server_time = server_time

    async def request(self) -> datetime:
        """Ask for a run, and return when that was; one that has begun before is followed by another."""
        found = await self._runs.find_one_and_update(
            {"_id": _WANTED},
            [{"$set": {"requested_at": "$$NOW"}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        requested: datetime = found["requested_at"]
        return requested

    async def latest(self) -> LatestReport | None:
        """Read the last report."""
        found = await self._runs.find_one({"_id": _LATEST})
        return None if found is None else LatestReport(found["began_at"], found["report"])

    async def wanted(self) -> WantedRun | None:
        """Read the run that is wanted or under way."""
        found = await self._runs.find_one({"_id": _WANTED})
        if found is None:
            return None
        return WantedRun(found["requested_at"], found.get("began_at"), found.get("done", 0), found.get("size", 0))

    async def begin(self) -> datetime | None:
        """Begin the wanted run; return its time, None while none is wanted or the last one still rests.

        One that was under way is replaced: whoever made it died, or meets RunReplacedError.
        """
        wanted = await self._runs.find_one({"_id": _WANTED}, {"began_at": 1})
        if wanted is None:
            return None
        now = await self._server_time()
        last = self._runs.find({"_id": {"$in": [_LATEST, _FAILED]}}, {"began_at": 1, "ended_at": 1})
        if any(now < self._rested_at(one) for one in await last.to_list(None)):
            return None
        if (before := wanted.get("began_at")) is not None:
            now = max(now, before + _STEP)  # each has a name of its own
        begun = await self._runs.update_one(_run(before), {"$set": {"began_at": now, "done": 0, "size": 0}})
        return now if begun.matched_count else None

    async def note(self, began_at: datetime, done: int, size: int) -> None:
        """Note how much of a run is done; raises RunReplacedError."""
        noted = await self._runs.update_one(_run(began_at), {"$set": {"done": done, "size": size}})
        if not noted.matched_count:
            raise RunReplacedError

    async def require_current(self, began_at: datetime) -> None:
        """Raise RunReplacedError unless this run is still the one under way."""
        if await self._runs.find_one(_run(began_at), {"_id": 1}) is None:
            raise RunReplacedError

    async def complete(self, began_at: datetime, report: Mapping[str, Any]) -> None:
        """Store the report; a run that was asked for meanwhile stays wanted. Raises RunReplacedError."""
        await self.require_current(began_at)
        latest = {"began_at": began_at, "ended_at": await self._server_time(), "report": dict(report)}
        await self._runs.replace_one({"_id": _LATEST}, latest, upsert=True)
        await self._runs.delete_one({**_run(began_at), "requested_at": {"$lte": began_at}})
        await self._end(began_at)

    async def fail(self, began_at: datetime) -> None:
        """Note that the run failed; it stays wanted, and the next one begins after a rest."""
        failed = {"began_at": began_at, "ended_at": await self._server_time()}
        await self._runs.replace_one({"_id": _FAILED}, failed, upsert=True)
        await self._end(began_at)

    async def _end(self, began_at: datetime) -> None:
        await self._runs.update_one(_run(began_at), {"$unset": {"began_at": "", "done": "", "size": ""}})

    def _rested_at(self, latest: Document) -> datetime:
        ended: datetime = latest["ended_at"]
        took: timedelta = ended - latest["began_at"]
        return ended + max(_REST, self.rest_factor * took)


def _run(began_at: datetime | None) -> Document:
    return {"_id": _WANTED, "began_at": began_at}
