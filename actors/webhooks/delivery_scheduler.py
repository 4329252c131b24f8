from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.generation.fold import fold
from domain.generation.generation import Generation, stream_of
from domain.webhooks.delivery import delivery_id, types_of
from domain.webhooks.endpoint import default_endpoint
from events.catalogue import CATALOGUE
from events.envelope import RecordedEvent
from store.commits.contract import EventStore
from store.generations.personal_data import PersonalDataStore
from store.webhooks.deliveries import Delivery, DeliveryStore
from store.webhooks.endpoints import RegisteredEndpoint, WebhookEndpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryScheduler:
    """Keep one delivery for each event of a generation that its request or an endpoint asks for.

    All events of the generation are considered, because messages may be lost or reordered, and an earlier
    event is queued before a later one. Events older than `webhook_retention` are not sent.
    """

    events: EventStore
    endpoints: WebhookEndpoints
    deliveries: DeliveryStore
    personal_data: PersonalDataStore
    visible: Callable[[RecordedEvent], dict[str, Any] | None]
    host_of: Callable[[str], str]
    webhook_retention: timedelta
    clock: Callable[[], datetime]

    async def schedule(self, generation_id: str) -> None:
        """Keep the deliveries of a generation; those that exist stay as they are."""
        commits = await self.events.read(stream_of(generation_id))
        events = [event for commit in commits for event in commit.events]
        generation = fold(events)
        if generation is None:
            return
        oldest = self.clock() - self.webhook_retention
        shown = [event for event in events if event.time > oldest and self.visible(event) is not None]
        registered = await self.endpoints.of_project(generation.request.owner.project)
        wanted = [delivery for one in registered for delivery in self._of_endpoint(one, shown, generation)]
        await self.deliveries.add([*wanted, *await self._of_request(shown, generation)])

    async def _of_request(self, events: Sequence[RecordedEvent], generation: Generation) -> list[Delivery]:
        types = types_of(generation.request.webhook_events)
        wanted = [event for event in events if event.type in types]
        if not wanted:
            return []
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        if personal_data is None or personal_data.webhook is None:
            return []
        endpoint = default_endpoint(generation.request.owner.project)
        return self._made(endpoint, personal_data.webhook, wanted, generation)

    def _of_endpoint(
        self, registered: RegisteredEndpoint, events: Iterable[RecordedEvent], generation: Generation
    ) -> list[Delivery]:
        endpoint = registered.endpoint
        wanted = [event for event in events if endpoint.wants(event)]
        enabled = endpoint.disabled is None
        return self._made(endpoint.id, registered.url, wanted, generation, enabled=enabled)

    def _made(
        self,
        endpoint: str,
        url: str,
        events: Iterable[RecordedEvent],
        generation: Generation,
        *,
        enabled: bool = True,
    ) -> list[Delivery]:
        now, host = self.clock(), self.host_of(url)
        return [
            Delivery(
                id=delivery_id(endpoint, event.id),
                endpoint=endpoint,
                project=generation.request.owner.project,
                generation=generation.id,
                event=event.id,
                type=event.type,
                version=event.version,
                final=event.type in CATALOGUE.final,
                host=host,
                event_time=event.time,
                created_at=now,
                expire_at=event.time + 2 * self.webhook_retention,
                state="pending" if enabled else "skipped",
                reason=None if enabled else "endpoint_disabled",
                due_at=now if enabled else None,
            )
            for event in events
        ]
