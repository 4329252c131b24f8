"""Deliveries of a project's webhooks, and its default secret.

`default` stands for the webhooks of single requests: they have no endpoint, but deliveries like any other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import uuid4

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from domain.accounts.access import Role
from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.webhooks.endpoint import default_endpoint
from domain.webhooks.examples import EXAMPLE_ID, example_of
from events.catalogue import CATALOGUE
from events.envelope import format_time
from gateway.accounts.identity import (
    IdentityRoutes,
    path_id,
    read_model,
    read_optional_model,
    read_query,
    secret_response,
)
from gateway.accounts.projects import own_project
from gateway.auth.headers import project_header
from gateway.webhooks.bodies import delivery_body, stats_body
from gateway.webhooks.checks import one_event_type
from gateway.webhooks.rotation import rotated
from store.webhooks.deliveries import Delivery
from store.webhooks.secrets import SecretLostError
from store.webhooks.webhooks import Webhooks

_BASE = "/api/v1/projects/{project_id}/webhooks/{endpoint_id}"
_DEFAULT = "default"
_STATS = timedelta(days=7)


class ExampleRequest(BaseModel):
    type: Annotated[str, StringConstraints(max_length=64)] = "generation.completed"


class RecoverRequest(BaseModel):
    since: AwareDatetime


class DeliveriesRequest(BaseModel):
    """The query of the list."""

    state: Literal["pending", "delivered", "failed", "skipped"] | None = None
    before: Annotated[str, StringConstraints(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class StatsRequest(BaseModel):
    since: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A project and one of its endpoints, or `default`."""

    project: str
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRoutes:
    """What the routes need; `table` lists them."""

    door: IdentityRoutes
    webhooks: Webhooks
    clock: Callable[[], datetime]

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        one = _BASE + "/deliveries/{delivery_id}"
        return [
            web.get("/api/v1/webhooks/default/secret", self.default_secret),
            web.post("/api/v1/webhooks/default/secret/rotate", self.rotate_default),
            web.get(_BASE + "/deliveries", self.list_all),
            web.get(one, self.read),
            web.post(one + "/resend", self.resend),
            web.post(_BASE + "/recover", self.recover),
            web.get(_BASE + "/stats", self.stats),
            web.post(_BASE + "/test", self.send_example),
        ]

    async def default_secret(self, request: web.Request) -> web.Response:
        """Show what signs the webhooks of single requests, to the developer or an end user with all keys."""
        claims = await self.door.authenticator.account(request)
        if claims.role is Role.END_USER:
            project = (await self.door.authenticator.submitter(request)).project_id
        else:
            project = await self._project_of_developer(request)
        try:
            living = await self.webhooks.signing(default_endpoint(project))
        except SecretLostError:
            raise ExemplarError(ErrorCode.WEBHOOK_SECRET_LOST) from None
        return secret_response({"key": living[0]})

    async def rotate_default(self, request: web.Request) -> web.Response:
        """Make a new default secret; the old one signs too for a day."""
        project = await self._project_of_developer(request)
        secret, until = await rotated(self.webhooks, default_endpoint(project))
        return secret_response({"key": secret, "previous_secret_valid_until": format_time(until)})

    async def list_all(self, request: web.Request) -> web.Response:
        """Answer one page, the newest first; `before` is the last id of the page before."""
        named, asked = await self._named(request), read_query(request, DeliveriesRequest)
        found = await self.webhooks.deliveries.page(
            named.project, named.endpoint, state=asked.state, before=asked.before, limit=asked.limit
        )
        if found is None:
            fault = "is no delivery of this list"
            raise FieldError(ErrorCode.INVALID_REQUEST, ("query", "before"), fault, "value_error")
        following = found[-1].id if len(found) == asked.limit else None
        body = {"deliveries": [delivery_body(delivery) for delivery in found], "next": following}
        return web.json_response(body)

    async def read(self, request: web.Request) -> web.Response:
        named = await self._named(request)
        delivery_id = request.match_info["delivery_id"]
        found = await self.webhooks.deliveries.get(named.project, named.endpoint, delivery_id)
        return web.json_response(delivery_body(_known(found)))

    async def resend(self, request: web.Request) -> web.Response:
        """Start the attempts of one delivery anew; the message keeps its id."""
        named = await self._named(request)
        found = await self.webhooks.deliveries.resend(
            named.project, named.endpoint, request.match_info["delivery_id"], self.clock()
        )
        return web.json_response(delivery_body(_known(found)), status=202)

    async def recover(self, request: web.Request) -> web.Response:
        """Start anew everything that failed or was skipped since a moment."""
        named, asked = await self._named(request), await read_model(request, RecoverRequest)
        count = await self.webhooks.deliveries.recover(
            named.project, named.endpoint, since=asked.since, now=self.clock()
        )
        return web.json_response({"recovered": count}, status=202)

    async def stats(self, request: web.Request) -> web.Response:
        """Answer the numbers of the last seven days, or since a moment."""
        named, asked = await self._named(request), read_query(request, StatsRequest)
        since = asked.since or self.clock() - _STATS
        stats = await self.webhooks.deliveries.stats(named.project, named.endpoint, since=since)
        return web.json_response(stats_body(stats, since))

    async def send_example(self, request: web.Request) -> web.Response:
        """Send an example of an event, once; the delivery tells what came of it."""
        named = await self._named(request)
        registered = await self.webhooks.rows.get(named.endpoint)
        if registered is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        if registered.endpoint.disabled:
            raise ExemplarError(ErrorCode.CONFLICT, "The webhook endpoint is disabled")
        sent = await read_optional_model(request, ExampleRequest)
        host = self.webhooks.host_of(registered.url)
        delivery = self._example(named, one_event_type(sent.type), host)
        await self.webhooks.deliveries.add([delivery])
        return web.json_response(delivery_body(delivery), status=202)

    def _example(self, named: Named, event_type: str, host: str) -> Delivery:
        now = self.clock()
        event = example_of(event_type, now=now)
        return Delivery(
            id=f"msg_{uuid4().hex}",
            endpoint=named.endpoint,
            project=named.project,
            generation=EXAMPLE_ID,
            event=event.id,
            type=event_type,
            version=event.version,
            final=event_type in CATALOGUE.final,
            host=host,
            event_time=now,
            created_at=now,
            expire_at=now + self.webhooks.settings.keep,
            due_at=now,
            lone=True,
            example=True,
        )

    async def _named(self, request: web.Request) -> Named:
        """Admit a developer to an endpoint of his project, or to its `default`; 404 for another's."""
        _, project = await own_project(self.door, request)
        if request.match_info["endpoint_id"] == _DEFAULT:
            return Named(project.id, default_endpoint(project.id))
        registered = await self.webhooks.rows.get(path_id(request, "endpoint_id"))
        if registered is None or registered.endpoint.project != project.id:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return Named(project.id, registered.endpoint.id)

    async def _project_of_developer(self, request: web.Request) -> str:
        """Admit a developer to the project that X-Project-ID names."""
        developer = await self.door.authenticator.developer(request)
        project = await self.door.accounts.project(developer.developer_id, project_header(request) or "")
        if project is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return project.id


def _known(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return delivery
