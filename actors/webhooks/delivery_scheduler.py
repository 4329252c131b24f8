from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from actors.webhooks.endpoint_choices import EndpointChoices
from domain.generation.fold import fold
from domain.generation.generation import Generation, stream_of
from domain.webhooks.delivery import Delivery, delivery_of, skipped, types_of
from domain.webhooks.endpoint import default_endpoint
from events.envelope import RecordedEvent
from events.generation import Owner
from store.commits.contract import EventStore
from store.generations.personal_data import PersonalDataStore
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import RegisteredEndpoint, WebhookEndpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryScheduler:
    """Keep one delivery for each event of a generation that its request or an endpoint asks for.

    All events of the generation are considered, because messages may be lost or reordered, and an earlier
    event is queued before a later one. Events older than `webhook_retention` are not sent.
    """

    events: EventStore
    endpoints: WebhookEndpoints
    endpoint_choices: EndpointChoices
    deliveries: DeliveryStore
    personal_data: PersonalDataStore
    visible: Callable[[RecordedEvent], dict[str, Any] | None]
    host_of: Callable[[str], str]
    webhook_retention: timedelta
    clock: Callable[[], datetime]

    async def concerns(self, generation: Generation) -> bool:
        """Tell whether its request or an endpoint may want its events; that there is no endpoint may be remembered."""
        wanted = bool(generation.request.webhook_events)
        return wanted or bool(await self.endpoints.of_project(generation.request.owner.project, recent=True))

    async def schedule(self, generation_id: str) -> None:
        """Keep the deliveries of a generation; those that exist stay as they are."""
        commits = await self.events.read(stream_of(generation_id))
        events = [event for commit in commits for event in commit.events]
        generation = fold(events)
        if generation is None:
            return
        oldest = self.clock() - self.webhook_retention
        shown = {event.id: event for event in events if event.time > oldest and self.visible(event) is not None}
        owner = generation.request.owner
        registered = await self.endpoints.of_project(owner.project, recent=True)
        wanted = list[Delivery]()
        for one in registered:
            chosen = await self.endpoint_choices.wanted(one.endpoint, commits)
            wanted += self._of_endpoint(one, owner, [event for name, event in shown.items() if name in chosen])
        await self.deliveries.add([*wanted, *await self._of_request(list(shown.values()), generation)])

    async def lacking(self, projects: Mapping[str, str]) -> Collection[str]:
        """Choose the generations of `projects` that may lack a delivery: an endpoint or a webhook exists.

        Both are read anew, so that an endpoint that was just registered misses nothing.
        """
        registered = await self.endpoints.of_projects({*projects.values()}) if projects else {}
        others = [generation for generation, project in projects.items() if project not in registered]
        with_webhook = await self.personal_data.with_webhook(others) if others else []
        return {*with_webhook, *(projects.keys() - others)}

    async def _of_request(self, events: Sequence[RecordedEvent], generation: Generation) -> list[Delivery]:
        types = types_of(generation.request.webhook_events)
        wanted = [event for event in events if event.type in types]
        if not wanted:
            return []
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        if personal_data is None or personal_data.webhook is None:
            return []
        owner = generation.request.owner
        return self._made(default_endpoint(owner.project), owner, personal_data.webhook, wanted)

    def _of_endpoint(
        self, registered: RegisteredEndpoint, owner: Owner, events: Iterable[RecordedEvent]
    ) -> list[Delivery]:
        endpoint = registered.endpoint
        made = self._made(endpoint.id, owner, registered.url, events)
        if endpoint.disabled is None:
            return made
        return [replace(delivery, **skipped("endpoint_disabled")) for delivery in made]

    def _made(self, endpoint: str, owner: Owner, url: str, events: Iterable[RecordedEvent]) -> list[Delivery]:
        now, host, kept = self.clock(), self.host_of(url), 2 * self.webhook_retention
        payer = owner.developer, owner.project
        return [
            delivery_of(event, endpoint, payer, host=host, now=now, expire_at=event.time + kept, user=owner.user)
            for event in events
        ]
