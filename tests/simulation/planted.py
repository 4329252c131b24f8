"""Faults that the simulation must find."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from actors.handlers import invocation
from domain.generation.generation import State
from events.commit import Commit
from events.event import Event
from events.invocation import InvocationIntended
from store.commits.memory import MemoryEventStore
from store.generations.generations import Decided


class UnfencedEventStore(MemoryEventStore):
    """Append behind whatever is there, instead of refusing a version that was decided on another state."""

    async def append(self, stream: str, expected_version: int, events: Sequence[Event], **about: Any) -> Commit:
        stored = self._streams.get(stream, [])
        head = stored[-1].last if stored else 0
        return await super().append(stream, head, events, **about)


@contextmanager
def no_claim() -> Iterator[None]:
    """Let whoever sees an open claim make the paid call, not only the call that appended it."""

    def seen(decided: Decided) -> InvocationIntended | None:
        generation = decided.generation
        if generation.state is not State.INTENDED or generation.claim_until is None:
            return None
        return InvocationIntended(attempt=generation.attempt, claim_until=generation.claim_until)

    intended = invocation._intended
    invocation._intended = seen
    try:
        yield
    finally:
        invocation._intended = intended
