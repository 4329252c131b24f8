from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.webhooks.endpoint import stream_of_deliveries
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.webhooks.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class _Stream:
    version: int


class DeliveryLog:
    """The event streams of delivery attempts, one per (endpoint, generation)."""

    def __init__(
        self, events: EventStore, announce: Callable[[Commit], None], clock: Callable[[], datetime]
    ) -> None:
        self._streams = Repository(events, fold=_fold, announce=announce, clock=clock)

    async def record(self, delivery: Delivery, events: Sequence[Event], *, cause: Cause) -> None:
        """Append the events of an attempt; no decision depends on earlier ones."""
        stream = stream_of_deliveries(delivery.endpoint, delivery.generation)
        await self._streams.decide(stream, lambda _: events, cause=cause)


def _fold(commits: Sequence[Commit]) -> _Stream | None:
    return _Stream(commits[-1].last) if commits else None
