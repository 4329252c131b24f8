"""The message of a delivery and its destination, or the reason why nothing is sent any more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from domain.generation.fold import fold
from domain.generation.generation import Generation, stream_of
from domain.paths import GENERATIONS
from domain.webhooks.delivery import Delivery, EndReason, example_of
from domain.webhooks.endpoint import is_default
from domain.webhooks.message_body import MessageData, message_body
from events.envelope import RecordedEvent, format_time
from events.owner import GenerationErased
from store.accounts.deletions import Deletions
from store.commits.contract import EventStore
from store.generations.personal_data import PersonalDataStore
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import WebhookEndpoints


@dataclass(frozen=True, slots=True)
class Destination:
    """The URL of a delivery; `failing` when the endpoint's last attempt failed.

    user: who named the URL in their request; None for an endpoint of the developer. traceparent: of the event.
    """

    url: str = field(repr=False)
    failing: bool = False
    user: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWriter:
    """Write the messages of deliveries from the log; `public_url` is the API's own address."""

    events: EventStore
    endpoints: WebhookEndpoints
    deliveries: DeliveryStore
    personal_data: PersonalDataStore
    deletions: Deletions
    visible: Callable[[RecordedEvent], dict[str, Any] | None]
    public_url: str | None

    async def write(self, delivery: Delivery) -> tuple[Destination, bytes] | EndReason:
        """Return the destination and the body of a delivery, or why it is not sent any more.

        The body is written from the log and the metadata of the request, which never change and may be erased.
        """
        if delivery.example:
            return await self._example(delivery)
        commits = await self.events.read(stream_of(delivery.generation))
        events = [event for commit in commits for event in commit.events]
        generation, then = fold(events), fold(events[: delivery.version])
        if generation is None or then is None or generation.version < delivery.version:
            return "no_event"
        event, user = events[delivery.version - 1], generation.request.owner.user
        ended = await self._deleted(delivery, event, generation)
        destination = ended or await self._destination(delivery, generation)
        if isinstance(destination, str):
            return destination
        data = self._data(event, generation.id, delivery)
        data["status"], data["user_id"], data["request_id"] = then.status, user, generation.request_id
        data["metadata"] = await self._metadata(generation)
        traced = replace(destination, traceparent=event.cause.traceparent)
        return traced, message_body(event.type, format_time(event.time), data)

    async def _metadata(self, generation: Generation) -> Mapping[str, Any]:
        """Read the metadata of the request; the log has none."""
        if generation.gone:
            return {}
        texts = await self.personal_data.texts([(generation.id, generation.request.personal_data)])
        return texts[generation.id].metadata if generation.id in texts else {}

    async def _deleted(self, delivery: Delivery, event: RecordedEvent, generation: Generation) -> EndReason | None:
        """Tell what was deleted; for a deleted user or generation only the erasure itself is sent."""
        owner = await self.deletions.of_owner(delivery.project, generation.request.owner.user)
        if owner == "project_deleted":
            return owner
        if isinstance(event.event, GenerationErased):
            return None
        return "generation_deleted" if generation.gone else owner

    async def _destination(self, delivery: Delivery, generation: Generation) -> Destination | EndReason:
        if not is_default(delivery.endpoint):
            return await self._registered(delivery)
        if await self.deliveries.is_gone(delivery):
            return "gone"
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        url = personal_data.webhook if personal_data else None
        return Destination(url, user=generation.request.owner.user) if url else "no_address"

    async def _registered(self, delivery: Delivery) -> Destination | EndReason:
        found = await self.endpoints.get(delivery.endpoint)
        if found is None:
            return "endpoint_removed"
        if found.endpoint.disabled:
            return "endpoint_disabled"
        return Destination(found.url, failing=found.failing_since is not None)

    async def _example(self, delivery: Delivery) -> tuple[Destination, bytes] | EndReason:
        deleted = await self.deletions.of_owner(delivery.project, None)
        destination = deleted or await self._registered(delivery)
        if isinstance(destination, str):
            return destination
        event = example_of(delivery.type, now=delivery.created_at)
        data = self._data(event, delivery.generation, delivery)
        data["example"] = True
        return destination, message_body(event.type, format_time(event.time), data)

    def _data(self, event: RecordedEvent, generation_id: str, delivery: Delivery) -> MessageData:
        data: MessageData = {
            "id": generation_id,
            "project_id": delivery.project,
            "version": event.version,
            "event": self.visible(event),
        }
        if self.public_url is not None:
            data["url"] = f"{self.public_url.rstrip('/')}{GENERATIONS}/{delivery.generation}"
        return data
