"""`/api/v1/projects/{project_id}/webhooks/{endpoint_id}/deliveries`: deliveries, resends, figures and tests.

The endpoint `default` is that of webhooks which single requests name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.paths import WEBHOOK_ENDPOINT
from domain.webhooks.delivery import Delivery, DeliveryState, delivery_of, example_of
from domain.webhooks.delivery_filter import DeliveryFilter
from events.generation import GenerationCompleted
from gateway.generations.request_metadata import RequestMetadata
from gateway.http.parsing import Body, read_optional_model, read_query
from gateway.http.values import Id, Moment, Text
from gateway.openapi.operation import get, post
from gateway.webhooks import answers
from gateway.webhooks.bodies import delivery_body, stats_body
from gateway.webhooks.checks import one_event_type
from gateway.webhooks.chosen import chosen_generations
from gateway.webhooks.endpoint_access import EndpointAccess
from store.log.feeds import Feeds
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import RegisteredEndpoint

_DELIVERIES = f"{WEBHOOK_ENDPOINT}/deliveries"
_DELIVERY = f"{_DELIVERIES}/{{delivery_id}}"
_STATS = timedelta(days=7)
_TEST = (ErrorCode.CONFLICT, ErrorCode.INVALID_WEBHOOK)


class ExampleRequest(Body):
    type: Annotated[str, StringConstraints(max_length=64)] = GenerationCompleted.type


class DeliveriesRequest(BaseModel):
    """The query of the list."""

    state: DeliveryState | None = None
    generation_id: Id | None = None
    request_id: Text | None = None
    before: Annotated[str, StringConstraints(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class StatsRequest(BaseModel):
    since: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRoutes:
    """Read, repeat and test deliveries."""

    endpoint_access: EndpointAccess
    feeds: Feeds
    deliveries: DeliveryStore
    request_metadata: RequestMetadata
    host_of: Callable[[str], str]
    webhook_retention: timedelta
    clock: Callable[[], datetime]

    @get(_DELIVERIES, "developer", query=DeliveriesRequest, answer=answers.WebhookDeliveries)
    async def list_all(self, request: web.Request) -> web.Response:
        """List deliveries, the newest first; `before` is the last id of the previous page."""
        owned = await self.endpoint_access.any(request)
        query = read_query(request, DeliveriesRequest)
        generations = await chosen_generations(
            self.feeds, owned.project, generation_id=query.generation_id, request_id=query.request_id
        )
        chosen = DeliveryFilter(states=query.state and [query.state], generations=generations)
        found = await self.deliveries.page(owned.project, owned.id, chosen, before=query.before, limit=query.limit)
        if found is None:
            fault = "is no delivery of this list"
            raise FieldError(ErrorCode.INVALID_REQUEST, ("query", "before"), fault, "value_error")
        following = found[-1].id if len(found) == query.limit else None
        body: answers.WebhookDeliveries = {"deliveries": await self._bodies(*found), "next": following}
        return web.json_response(body)

    @get(_DELIVERY, "developer", answer=answers.WebhookDelivery)
    async def read(self, request: web.Request) -> web.Response:
        """Read a delivery."""
        owned = await self.endpoint_access.any(request)
        found = await self.deliveries.get(owned.project, owned.id, request.match_info["delivery_id"])
        [body] = await self._bodies(_existing(found))
        return web.json_response(body)

    @post(f"{_DELIVERY}/resend", "developer", 202, answer=answers.WebhookDelivery, codes=(ErrorCode.CONFLICT,))
    async def resend(self, request: web.Request) -> web.Response:
        """Resend a delivery; the message keeps its id."""
        owned = await self.endpoint_access.sending(request)
        delivery_id = request.match_info["delivery_id"]
        found = await self.deliveries.resend(owned.project, owned.id, delivery_id, self.clock())
        [body] = await self._bodies(_existing(found))
        return web.json_response(body, status=202)

    @get(f"{WEBHOOK_ENDPOINT}/stats", "developer", query=StatsRequest, answer=answers.DeliveryStatistics)
    async def stats(self, request: web.Request) -> web.Response:
        """Read an endpoint's statistics of the last seven days, or since a time."""
        owned = await self.endpoint_access.any(request)
        since = read_query(request, StatsRequest).since or self.clock() - _STATS
        stats = await self.deliveries.stats(owned.project, owned.id, since=since)
        return web.json_response(stats_body(stats, since))

    @post(
        f"{WEBHOOK_ENDPOINT}/test",
        "developer",
        202,
        body=ExampleRequest,
        optional_body=True,
        answer=answers.WebhookDelivery,
        codes=_TEST,
    )
    async def send_example(self, request: web.Request) -> web.Response:
        """Send an example of an event, once; the delivery shows the outcome."""
        _, registered = await self.endpoint_access.enabled(request)
        body = await read_optional_model(request, ExampleRequest)
        delivery = self._example(registered, one_event_type(body.type))
        await self.deliveries.add([delivery])
        return web.json_response(delivery_body(delivery, {}), status=202)

    async def _bodies(self, *deliveries: Delivery) -> list[answers.WebhookDelivery]:
        about = await self.request_metadata.of_ids(one.generation for one in deliveries if not one.example)
        return [delivery_body(one, about) for one in deliveries]

    def _example(self, registered: RegisteredEndpoint, event_type: str) -> Delivery:
        now, host, endpoint = self.clock(), self.host_of(registered.url), registered.endpoint
        owner, expire_at = (endpoint.developer, endpoint.project), now + self.webhook_retention
        event = example_of(event_type, now=now)
        delivery = delivery_of(event, endpoint.id, owner, host=host, now=now, expire_at=expire_at)
        return replace(delivery, id=f"msg_{uuid4().hex}", unordered=True, example=True)


def _existing(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return delivery
