from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from domain.generation.generation import State
from store.generations.projection import Projection, Row

_PAGE = 500


class DuePages:
    """Page through the rows that are due; each job continues where its last page ended."""

    def __init__(self, projection: Projection, clock: Callable[[], datetime]) -> None:
        self._projection = projection
        self._clock = clock
        self._cursors: dict[str, str] = {}

    async def next(self, job: str, states: Iterable[State], *, canceling: bool = False) -> Sequence[Row]:
        """Return the next page of a job; after the last page the first one follows."""
        rows = await self._projection.due(
            self._clock(),
            states=[state.value for state in states],
            after=self._cursors.get(job, ""),
            limit=_PAGE,
            canceling=canceling,
        )
        self._cursors[job] = rows[-1].id if len(rows) == _PAGE else ""
        return rows
