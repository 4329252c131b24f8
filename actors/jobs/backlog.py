from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from actors.handlers import completion, invocation, quota, validation
from domain.generation.generation import State
from domain.generation.lifecycle import FARTHEST, Timeouts
from store.generations.projection import Projection, Row

LONGEST = timedelta(minutes=2)
"""After so long in one state a generation is redelivered whatever the queues hold."""

_WAITING_FOR: Final[Mapping[str, tuple[State, ...]]] = {
    validation.NAME: (State.REQUESTED,),
    quota.NAME: (State.VALIDATED, State.COMPLETED, State.FAILED),
    invocation.NAME: (State.RESERVED,),
    completion.NAME: (State.SETTLED,),
}
_MOST_KEYS = 20_000
_BEFORE = timedelta(milliseconds=1)


class QueueDepths(Protocol):
    """Counts the messages that wait in each queue: over RabbitMQ or inside the process."""

    async def waiting(self) -> Mapping[str, int]: ...


@dataclass(eq=False, kw_only=True)
class Backlog:
    """Tell which generations merely wait in a queue: these are not redelivered.

    A queue is first in, first out: the messages in it are those of the generations that began to wait last.
    An older one was taken out, or its message was lost; it gets another `timeouts.redelivery` to move.
    """

    publisher: QueueDepths
    projection: Projection
    timeouts: Timeouts
    clock: Callable[[], datetime]
    limits: Mapping[State, datetime] = field(default_factory=dict, init=False)
    _outside: dict[tuple[str, int], datetime] = field(default_factory=dict, init=False)

    async def look(self) -> None:
        """Set `limits`: for each state whose queue holds messages the `due_at` before all that these may be of."""
        counts, limits = await self.publisher.waiting(), dict[State, datetime]()
        longest = self.clock() - LONGEST
        for queue, states in _WAITING_FOR.items():
            if count := counts.get(queue, 0):
                oldest = await self.projection.due_at([state.value for state in states], count)
                limits |= dict.fromkeys(states, max(oldest - _BEFORE if oldest else longest, longest))
        self.limits = limits

    def choose(self, rows: Sequence[Row]) -> list[Row]:
        """Choose the due rows that are outside their queue for so long that they are redelivered."""
        return [row for row in rows if self._has_left(row)]

    def _has_left(self, row: Row) -> bool:
        now, limit = self.clock(), self.limits.get(State(row.state))
        if limit is None or row.due_at is None:
            return True
        if limit < row.due_at and not row.due_at > now + FARTHEST:
            return False
        if len(self._outside) >= _MOST_KEYS:
            self._outside.clear()
        since = self._outside.setdefault((row.id, row.version), now)
        return since + self.timeouts.redelivery <= now or row.due_at + LONGEST <= now
