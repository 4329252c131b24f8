import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from domain.generation.explanation import POSITION_BOUND, Ahead
from domain.generation.generation import Generation, State
from domain.generation.lifecycle import RUNNING, UNSENT
from store.generations.projection import ALWAYS
from store.mongo.connection import Database, Indexes, raises_unavailable

_INDEX = "queue"
_UNFINISHED = {"due_at": {"$gt": ALWAYS}}


@raises_unavailable
class Queue:
    """Count the generations that wait before one, as the rows tell: a moment behind the log.

    Others' generations are counted and never named.
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

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("generations")

    async def ahead(self, generation: Generation) -> Ahead:
        """Count those that were admitted before and wait in the same state, up to `POSITION_BOUND`."""
        before = {"$lt": generation.created_at}
        query = {"state": generation.state.value, "created_at": before, **_UNFINISHED}
        found = await self._rows.count_documents(query, limit=POSITION_BOUND + 1, hint=_INDEX)
        return Ahead(min(found, POSITION_BOUND), found <= POSITION_BOUND)

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
