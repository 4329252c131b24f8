from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.webhooks.delivery import Delivery, delivery_of
from domain.webhooks.delivery_filter import NOT_DELIVERED, DeliveryFilter
from events.envelope import RecordedEvent
from events.owner import GenerationErased
from store.generations.generations import Generations
from store.log.feeds import FeedEntry, Feeds
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import RegisteredEndpoint

MOST_LOOKED_AT: Final = 1000
"""So many commits of a project one page compares with what was delivered."""


@dataclass(frozen=True, slots=True)
class MissingPage:
    """Deliveries without a success: `new` ones have yet to be kept, the `ended` ones to be restarted.

    following: the position at which the next page begins; None for the last page.
    """

    new: Sequence[Delivery]
    ended: DeliveryFilter
    count: int
    following: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingDeliveries:
    """Find the events that an endpoint wants and has not accepted, also those from before it was registered."""

    feeds: Feeds
    deliveries: DeliveryStore
    generations: Generations
    host_of: Callable[[str], str]
    webhook_retention: timedelta
    clock: Callable[[], datetime]

    async def page(self, registered: RegisteredEndpoint, *, first: int, since: datetime) -> MissingPage:
        """Read the events from sealed position `first` on that were recorded at `since` or later."""
        project, last = registered.endpoint.project, await self.feeds.head()
        entries = await self.feeds.read(projects=[project], user=None, first=first, last=last, limit=MOST_LOOKED_AT)
        following = entries[-1].position + 1 if len(entries) == MOST_LOOKED_AT else None
        newer = next((number for number, entry in enumerate(entries) if entry.newer), None)
        wanted = self._wanted(registered, entries[:newer], since)
        made = await self._sendable(wanted)
        states = await self.deliveries.states([delivery.id for delivery in made])
        new = [delivery for delivery in made if delivery.id not in states]
        ended = DeliveryFilter(ids=[name for name, state in states.items() if state in NOT_DELIVERED])
        count = len(new) + await self.deliveries.count(project, registered.endpoint.id, ended)
        return MissingPage(new, ended, count, following if newer is None else None)

    def _wanted(self, registered: RegisteredEndpoint, entries: Sequence[FeedEntry], since: datetime) -> list[Delivery]:
        oldest = max(since, self.clock() - self.webhook_retention)
        return [
            self._delivery(registered, event, entry.user)
            for entry in entries
            for event in (entry.commit.events if entry.commit is not None else ())
            if event.type in registered.endpoint.event_types and event.time >= oldest
        ]

    def _delivery(self, registered: RegisteredEndpoint, event: RecordedEvent, user: str) -> Delivery:
        endpoint = registered.endpoint
        return delivery_of(
            event,
            endpoint.id,
            (endpoint.developer, endpoint.project),
            host=self.host_of(registered.url),
            now=self.clock(),
            expire_at=event.time + 2 * self.webhook_retention,
            user=user,
        )

    async def _sendable(self, wanted: Sequence[Delivery]) -> list[Delivery]:
        """Leave out what is never sent: events of erased generations but the erasure itself."""
        ids = dict.fromkeys(delivery.generation for delivery in wanted)
        gone = {generation.id for generation in await self.generations.load_all([*ids]) if generation.gone}
        return [one for one in wanted if one.generation not in gone or one.type == GenerationErased.type]
