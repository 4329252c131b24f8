from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from domain.generation.generation import State
from store.generations.projection import Projection, Row
from store.mongo.batcher import Batcher, shared

_PAGE = 500
_NO_LIMITS: Mapping[State, datetime] = {}


class DuePages:
    """Page through the rows that are due; each job continues where its last page ended.

    Jobs that run at the same time share the question whether anything is due at all.
    """

    def __init__(self, projection: Projection, clock: Callable[[], datetime]) -> None:
        self._projection = projection
        self._clock = clock
        self._cursors: dict[str, str] = {}
        self._any: Batcher[None, bool] = shared(lambda _: projection.is_due(clock()))

    async def next(
        self,
        job: str,
        states: Iterable[State],
        *,
        limits: Mapping[State, datetime] = _NO_LIMITS,
        canceling: bool = False,
    ) -> Sequence[Row]:
        """Return the next page of a job; after the last page the first one follows.

        A state in `limits` is due only up to that time.
        """
        if not await self._any.put(None):
            return []
        now = self._clock()
        rows = await self._projection.due(
            {state.value: min(now, limits.get(state, now)) for state in states},
            after=self._cursors.get(job, ""),
            limit=_PAGE,
            canceling=canceling,
        )
        self._cursors[job] = rows[-1].id if len(rows) == _PAGE else ""
        return rows
