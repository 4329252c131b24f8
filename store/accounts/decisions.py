"""Load, decide, append: again after a lost race, until nothing is left to record."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from store.accounts.drafts import Stands
from store.commits.contract import EventStore
from store.errors import WrongExpectedVersionError

_TRIES = 12


class Versioned(Protocol):
    """What a stream folds to."""

    @property
    def version(self) -> int: ...


State = TypeVar("State", bound=Versioned | None)


async def record(
    stream: str,
    decision: Callable[[State], Sequence[Event]],
    *,
    look: Callable[[], Awaitable[State]],
    events: EventStore,
    cause: Cause,
    clock: Callable[[], datetime],
    stands: Stands | None,
) -> tuple[State, Commit] | None:
    """Append what a decision wants; return the state it was made on and the commit, None without one.

    `stands` is asked after each look at the log: False ends it, for nothing is left to record. Raises what
    the decision and the store raise; WrongExpectedVersionError when every race was lost.
    """
    for attempt in range(_TRIES):
        state = await look()
        if stands is not None and not await stands():
            return None
        wanted = decision(state)
        if not wanted:
            return None
        version = 0 if state is None else state.version
        try:
            return state, await events.append(stream, version, wanted, cause=cause, time=clock())
        except WrongExpectedVersionError:
            await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311 - jitter
    raise WrongExpectedVersionError(stream, -1)
