"""`/api/v1/projects/{project_id}/webhooks/{endpoint_id}/deliveries`: deliveries, resends, figures and tests.

The endpoint `default` is that of webhooks which single requests name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.paths import WEBHOOK_ENDPOINT
from domain.webhooks.delivery import Delivery, DeliveryState, delivery_of, example_of
from domain.webhooks.endpoint import default_endpoint
from events.generation import GenerationCompleted
from gateway.auth.authentication import Authenticator
from gateway.generations.request_metadata import RequestMetadata
from gateway.http.parsing import path_id, read_model, read_optional_model, read_query
from gateway.http.values import Moment
from gateway.openapi.operation import get, post
from gateway.webhooks.bodies import delivery_body, stats_body
from gateway.webhooks.checks import one_event_type
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import RegisteredEndpoint, WebhookEndpoints

_DEFAULT = "default"
_DELIVERIES = f"{WEBHOOK_ENDPOINT}/deliveries"
_DELIVERY = f"{_DELIVERIES}/{{delivery_id}}"
_STATS = timedelta(days=7)


class ExampleRequest(BaseModel):
    type: Annotated[str, StringConstraints(max_length=64)] = GenerationCompleted.type


class RecoverRequest(BaseModel):
    since: Moment


class DeliveriesRequest(BaseModel):
    """The query of the list."""

    state: DeliveryState | None = None
    before: Annotated[str, StringConstraints(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class StatsRequest(BaseModel):
    since: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRoutes:
    """Read, repeat and test deliveries."""

    authenticator: Authenticator
    endpoints: WebhookEndpoints
    deliveries: DeliveryStore
    request_metadata: RequestMetadata
    host_of: Callable[[str], str]
    webhook_retention: timedelta
    clock: Callable[[], datetime]

    @get(_DELIVERIES, "developer", query=DeliveriesRequest)
    async def list_all(self, request: web.Request) -> web.Response:
        """List deliveries, the newest first; `before` is the last id of the previous page."""
        project, endpoint = await self._endpoint(request)
        query = read_query(request, DeliveriesRequest)
        found = await self.deliveries.page(project, endpoint, state=query.state, before=query.before, limit=query.limit)
        if found is None:
            fault = "is no delivery of this list"
            raise FieldError(ErrorCode.INVALID_REQUEST, ("query", "before"), fault, "value_error")
        following = found[-1].id if len(found) == query.limit else None
        return web.json_response({"deliveries": await self._bodies(*found), "next": following})

    @get(_DELIVERY, "developer")
    async def read(self, request: web.Request) -> web.Response:
        """Read a delivery."""
        project, endpoint = await self._endpoint(request)
        found = await self.deliveries.get(project, endpoint, request.match_info["delivery_id"])
        [body] = await self._bodies(_existing(found))
        return web.json_response(body)

    @post(f"{_DELIVERY}/resend", "developer", 202)
    async def resend(self, request: web.Request) -> web.Response:
        """Resend a delivery; the message keeps its id."""
        project, endpoint = await self._endpoint(request)
        delivery_id = request.match_info["delivery_id"]
        found = await self.deliveries.resend(project, endpoint, delivery_id, self.clock())
        [body] = await self._bodies(_existing(found))
        return web.json_response(body, status=202)

    @post(f"{WEBHOOK_ENDPOINT}/recover", "developer", 202, body=RecoverRequest)
    async def recover(self, request: web.Request) -> web.Response:
        """Resend what failed or was skipped since a time."""
        project, endpoint = await self._endpoint(request)
        body = await read_model(request, RecoverRequest)
        count = await self.deliveries.recover(project, endpoint, since=body.since, now=self.clock())
        return web.json_response({"recovered": count}, status=202)

    @get(f"{WEBHOOK_ENDPOINT}/stats", "developer", query=StatsRequest)
    async def stats(self, request: web.Request) -> web.Response:
        """Read an endpoint's statistics of the last seven days, or since a time."""
        project, endpoint = await self._endpoint(request)
        since = read_query(request, StatsRequest).since or self.clock() - _STATS
        return web.json_response(stats_body(await self.deliveries.stats(project, endpoint, since=since), since))

    @post(f"{WEBHOOK_ENDPOINT}/test", "developer", 202, body=ExampleRequest, optional_body=True)
    async def send_example(self, request: web.Request) -> web.Response:
        """Send an example of an event, once; the delivery shows the outcome."""
        project, endpoint_id = await self._endpoint(request)
        registered = await self.endpoints.require(project, endpoint_id)
        if registered.endpoint.disabled:
            raise ExemplarError(ErrorCode.CONFLICT, "The webhook endpoint is disabled")
        body = await read_optional_model(request, ExampleRequest)
        delivery = self._example(registered, one_event_type(body.type))
        await self.deliveries.add([delivery])
        return web.json_response(delivery_body(delivery, {}), status=202)

    async def _bodies(self, *deliveries: Delivery) -> list[dict[str, Any]]:
        about = await self.request_metadata.of_ids(one.generation for one in deliveries if not one.example)
        return [delivery_body(one, about) for one in deliveries]

    def _example(self, registered: RegisteredEndpoint, event_type: str) -> Delivery:
        now, host, endpoint = self.clock(), self.host_of(registered.url), registered.endpoint
        owner, expire_at = (endpoint.developer, endpoint.project), now + self.webhook_retention
        event = example_of(event_type, now=now)
        delivery = delivery_of(event, endpoint.id, owner, host=host, now=now, expire_at=expire_at)
        return replace(delivery, id=f"msg_{uuid4().hex}", unordered=True, example=True)

    async def _endpoint(self, request: web.Request) -> tuple[str, str]:
        """Authenticate a developer; return the ids of their project and endpoint, 404 for another's."""
        _, project = await self.authenticator.authenticate_project_owner(request)
        if request.match_info["endpoint_id"] == _DEFAULT:
            return project.id, default_endpoint(project.id)
        registered = await self.endpoints.require(project.id, path_id(request, "endpoint_id"))
        return project.id, registered.endpoint.id


def _existing(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return delivery
