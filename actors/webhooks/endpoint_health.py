from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.webhooks.delivery import ReceiverResponse
from domain.webhooks.endpoint import disable, is_default
from domain.webhooks.retry_schedule import is_due_to_disable
from events.envelope import Cause
from events.webhook import DisabledReason
from store.webhooks.deliveries import Delivery, DeliveryStore
from store.webhooks.endpoints import WebhookEndpoints
from store.webhooks.settings import WebhookSettings
from store.webhooks.webhooks import Webhooks

_CAUSE = Cause(actor="actor:delivery")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """Disable an endpoint that responds 410 or has failed for days; end a request's webhook after a 410."""

    webhooks: Webhooks
    endpoints: WebhookEndpoints
    deliveries: DeliveryStore
    webhook_settings: WebhookSettings
    clock: Callable[[], datetime]

    async def note(self, delivery: Delivery, response: ReceiverResponse, *, failing: bool) -> None:
        """Take note of an attempt; `failing` when the endpoint's attempt before failed."""
        if response.error == "secret":
            return  # a secret that we lost is no fault of the receiver
        if is_default(delivery.endpoint):
            if response.error == "gone":
                await self.deliveries.skip_all(delivery.endpoint, "gone", generation=delivery.generation)
        elif response.accepted:
            if failing:
                await self.endpoints.succeeded(delivery.endpoint)
        elif not delivery.example:
            await self._note_failure(delivery.endpoint, gone=response.error == "gone")

    async def _note_failure(self, endpoint: str, *, gone: bool) -> None:
        now = self.clock()
        since = await self.endpoints.failed(endpoint, now)
        if gone:
            await self._disable(endpoint, "gone", since)
        elif is_due_to_disable(since, now, self.webhook_settings.disable_after):
            await self._disable(endpoint, "failing", since)

    async def _disable(self, endpoint: str, reason: DisabledReason, since: datetime) -> None:
        await self.webhooks.decide(endpoint, lambda e: disable(e, reason, since), cause=_CAUSE)
        log.warning("webhook_endpoint_disabled", endpoint=endpoint, reason=reason)
