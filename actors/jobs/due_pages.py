from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from domain.generation.generation import State
from domain.generation.lifecycle import FARTHEST
from store.generations.projection import ALWAYS, Projection, Row
from store.mongo.batcher import Batcher, shared

_PAGE = 500
_NO_LIMITS: Mapping[State, datetime] = {}
_NEVER = datetime.max.replace(microsecond=0, tzinfo=UTC)
_AHEAD_EVERY_S = 10.0
_NONE_FOR_S = 0.1


class DuePages:
    """Page through the rows that are due; each job continues where its last page ended.

    Jobs that run at the same time share the question whether anything is due at all; that nothing is due holds for a
    tenth of a second. A row that is due later than any pause lasts was written by a clock that was ahead: every ten
    seconds a page of these is due too.
    """

    def __init__(self, projection: Projection, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._projection = projection
        self._clock = clock
        self._monotonic = monotonic
        self._cursors: dict[str, str] = {}
        self._ahead_at: dict[str, float] = {}
        self._none_until = 0.0
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
        chosen, now = [*states], self._clock()
        ahead = await self._ahead(job, chosen, canceling=canceling)
        if not await self._any_due():
            return ahead
        until = {state.value: min(now, limits.get(state, now)) for state in chosen}
        return [*ahead, *await self._page(job, until, canceling=canceling)]

    async def _any_due(self) -> bool:
        asked = self._monotonic()
        if asked < self._none_until:
            return False
        found = await self._any.put(None)
        self._none_until = 0.0 if found else asked + _NONE_FOR_S
        return found

    async def _ahead(self, job: str, states: Sequence[State], *, canceling: bool) -> Sequence[Row]:
        if self._monotonic() < self._ahead_at.get(job, 0.0):
            return []
        self._ahead_at[job] = self._monotonic() + _AHEAD_EVERY_S
        until = {state.value: _NEVER for state in states}
        return await self._page(f"{job} ahead", until, canceling=canceling, since=self._clock() + FARTHEST)

    async def _page(
        self, name: str, until: Mapping[str, datetime], *, canceling: bool, since: datetime = ALWAYS
    ) -> Sequence[Row]:
        after = self._cursors.get(name, "")
        rows = await self._projection.due(until, after=after, limit=_PAGE, canceling=canceling, since=since)
        self._cursors[name] = rows[-1].id if len(rows) == _PAGE else ""
        return rows
