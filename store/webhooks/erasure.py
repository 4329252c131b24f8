from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.webhooks.endpoint import default_endpoint
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import WebhookEndpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryErasure:
    """Erase what deliveries keep of their receivers."""

    endpoints: WebhookEndpoints
    deliveries: DeliveryStore
    clock: Callable[[], datetime]

    async def erase_generation(self, project: str, generation: str) -> None:
        """End an erased generation's deliveries and delete their hosts and responses; repeatable."""
        registered = await self.endpoints.of_project(project)
        endpoints = [default_endpoint(project), *(one.endpoint.id for one in registered)]
        await self.deliveries.erase_generation(project, endpoints, generation, self.clock())
