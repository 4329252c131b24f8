import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from pymongo import ASCENDING

from store.log.mongo_sealed_log import last_position
from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import Database, Document, raises_unavailable
from store.mongo.recent import Recent

MARGIN: Final = timedelta(seconds=30)
"""Longer than a commit is on its way to the log, and than the clocks of two gateways differ."""

_SUBSCRIBER: Final = "projector"
_FRESH_SECONDS: Final = 1.0
_SEALED_TOGETHER: Final = 2000  # commits; those of one sealing are in the order of their streams
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Head(NamedTuple):
    """The end of the log: whatever is behind `position` was written at `time` or later."""

    position: int
    time: datetime


@raises_unavailable
class RowProgress:
    """Tell until when everything that was requested has its row: how far the subscriber is that compares rows.

    known: what was told last, still right since rows stay; None before. A commit that the subscriber has parked counts
    as passed: its row cannot be written.
    """

    def __init__(
        self,
        database: Database,
        subscriptions: SubscriberCheckpoints,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._subscriptions = subscriptions
        self._clock = clock
        self._recent = Recent(self._read, seconds=_FRESH_SECONDS, monotonic=monotonic)
        self._next: _Head | None = None
        self.known: datetime | None = None

    async def until(self) -> datetime:
        """Return the moment, a second old at most, and at least `MARGIN` ago."""
        return await self._recent.get()

    async def _read(self) -> datetime:
        """Compare the checkpoint with the ends of the log, now and at a former read."""
        head = await self._head()
        position = await self._subscriptions.position(_SUBSCRIBER)
        if position >= head.position:
            reached = head.time
        elif self._next is not None and position >= self._next.position:
            reached, self._next = self._next.time, head
        else:
            self._next = self._next or head
            reached = self.known or await self._oldest_behind(position, head)
        self.known = max(reached, self.known or reached)
        return self.known

    async def _head(self) -> _Head:
        """Read what is not sealed first: what is sealed meanwhile is at a position up to the end."""
        now, query = self._clock(), {"unsealed": True, "time": {"$gte": _EVER}}
        oldest = await self._commits.find_one(query, {"_id": 0, "time": 1}, sort=[("time", ASCENDING)])
        written = min(now, oldest["time"]) if oldest else now
        return _Head(await last_position(self._database), written - MARGIN)

    async def _oldest_behind(self, position: int, head: _Head) -> datetime:
        """Find when the oldest commit behind a position was written; what was sealed later is not older."""
        behind = self._log.find({"_id": {"$gt": position}}, {"commit": 1}).sort("_id", ASCENDING)
        names = [one["commit"] for one in await behind.limit(_SEALED_TOGETHER).to_list(None)]
        query: Document = {"_id": {"$in": names}, "time": {"$gte": _EVER}}
        found = await self._commits.find(query, {"_id": 0, "time": 1}).to_list(None)
        written: list[datetime] = [one["time"] for one in found]
        return min([head.time, *(one - MARGIN for one in written)])
