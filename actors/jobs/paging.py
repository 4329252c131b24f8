"""Go round all rows that wait for the scheduler, a window at a time."""

from collections.abc import Iterable, Sequence

from actors.jobs.desk import Desk
from domain.generation.generation import State
from store.generations.projection import Row

_WINDOW = 500


async def due_rows(
    desk: Desk, job: str, states: Iterable[State], *, canceling: bool = False
) -> Sequence[Row]:
    """Return the next window of due rows of a job; after the last one the round begins anew."""
    rows = await desk.hands.projection.due(
        desk.hands.clock(),
        states=[state.value for state in states],
        after=desk.cursors.get(job, ""),
        limit=_WINDOW,
        canceling=canceling,
    )
    desk.cursors[job] = rows[-1].id if len(rows) == _WINDOW else ""
    return rows
