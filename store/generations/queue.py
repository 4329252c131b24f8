import asyncio
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar, Final, NamedTuple

from pymongo import ASCENDING, IndexModel

from domain.generation.explanation import POSITION_BOUND, Ahead
from domain.generation.generation import Generation, State
from domain.generation.lifecycle import RUNNING, UNSENT
from store.generations.projection import ALWAYS
from store.mongo.connection import Database, Indexes, raises_unavailable
from store.mongo.recent import Recent

_INDEX = "queue"
_UNFINISHED = {"due_at": {"$gt": ALWAYS}}
_FRESH_SECONDS: Final = 1.0


class _Waiting(NamedTuple):
    """When those that wait in one state were admitted, the oldest first, one more than `POSITION_BOUND` at most."""

    read_at: datetime
    admitted: Sequence[datetime]

    def counts(self, generation: Generation) -> bool:
        """Tell whether it shows who was admitted before a generation."""
        return generation.created_at < self.read_at or len(self.admitted) > POSITION_BOUND


@raises_unavailable
class Queue:
    """Count the generations that wait before one, as the rows tell: about a second behind the log.

    Others' generations are counted and never named. Those who ask share what is read: one list for each state.
    """

    indexes: ClassVar[Indexes] = {
        "generations": [
            IndexModel(
                [("state", ASCENDING), ("created_at", ASCENDING)],
                name=_INDEX,
                partialFilterExpression=_UNFINISHED,
            )
        ]
    }

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._rows = database.get_collection("generations")
        self._clock = clock
        self._lists: dict[State, Recent[_Waiting]] = {}

    async def ahead(self, generation: Generation) -> Ahead:
        """Count those that were admitted before and wait in the same state, up to `POSITION_BOUND`."""
        recent = self._recent(generation.state)
        waiting = await recent.get()
        if not waiting.counts(generation):
            waiting = await recent.fresh()
        before = bisect_left(waiting.admitted, _as_stored(generation.created_at))
        return Ahead(min(before, POSITION_BOUND), before <= POSITION_BOUND)

    async def unsent(self) -> Ahead:
        """Count those that wait for their paid call, up to `POSITION_BOUND`."""
        found = await self.waiting(POSITION_BOUND + 1)
        return Ahead(min(found, POSITION_BOUND), found <= POSITION_BOUND)

    async def waiting(self, most: int) -> int:
        """Count those that wait for their paid call, up to `most`."""
        if most <= 0:  # which MongoDB refuses as a limit
            return 0
        query = {"state": {"$in": [state.value for state in UNSENT]}, **_UNFINISHED}
        return await self._rows.count_documents(query, limit=most, hint=_INDEX)

    async def by_state(self) -> Mapping[str, int]:
        """Count what is not finished, by state, up to `POSITION_BOUND` each."""
        states = [state.value for state in State if state in RUNNING]
        return dict(zip(states, await asyncio.gather(*map(self._in_state, states)), strict=True))

    async def own(self, project: str, user: str, generations: Collection[str]) -> Sequence[str]:
        """Choose those of some generations that belong to a user, the oldest first."""
        query = {"_id": {"$in": list(generations)}, "project": project, "user": user}
        found = await self._rows.find(query, {"created_at": 1}).to_list(None)
        return [row["_id"] for row in sorted(found, key=lambda row: (row["created_at"], row["_id"]))]

    async def _in_state(self, state: str) -> int:
        return await self._rows.count_documents({"state": state, **_UNFINISHED}, limit=POSITION_BOUND, hint=_INDEX)

    def _recent(self, state: State) -> Recent[_Waiting]:
        recent = self._lists.get(state)
        if recent is None:
            recent = self._lists[state] = Recent(partial(self._read, state), seconds=_FRESH_SECONDS)
        return recent

    async def _read(self, state: State) -> _Waiting:
        read_at, query = self._clock(), {"state": state.value, **_UNFINISHED}
        found = self._rows.find(query, {"_id": 0, "created_at": 1}).sort("created_at", ASCENDING).hint(_INDEX)
        rows = await found.limit(POSITION_BOUND + 1).to_list(POSITION_BOUND + 1)
        return _Waiting(read_at, [row["created_at"] for row in rows])


def _as_stored(moment: datetime) -> datetime:
    """Cut a time to milliseconds, as MongoDB does."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
