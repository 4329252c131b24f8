"""`/api/v1/projects/{project_id}/webhooks/*`: the endpoints to which a project's events are pushed."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from domain.accounts.access import DeveloperIdentity
from domain.errors import ErrorCode, ExemplarError
from domain.webhooks import endpoint as rules
from domain.webhooks.addresses import LONGEST_URL
from events.envelope import format_time
from events.webhook import WebhookRegistered
from gateway.accounts.identity import IdentityRoutes, cause_of, path_id, read_model, secret_response
from gateway.accounts.projects import Description, own_project
from gateway.webhooks.bodies import endpoint_body
from gateway.webhooks.checks import check_url, event_types
from gateway.webhooks.rotation import rotated
from store.generations.personal_data import salted_digest
from store.webhooks.endpoints import Address, Registered
from store.webhooks.slots import LimitReachedError
from store.webhooks.webhooks import Decision, Webhooks

BASE = "/api/v1/projects/{project_id}/webhooks"

Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
EventTypes = Annotated[
    list[Annotated[str, StringConstraints(max_length=64)]], Field(min_length=1, max_length=32)
]


class EndpointCreateRequest(BaseModel):
    url: Url
    event_types: EventTypes | None = None
    description: Description | None = None


class EndpointUpdateRequest(BaseModel):
    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRoutes:
    """Answer what a developer does with the endpoints of his projects."""

    door: IdentityRoutes
    webhooks: Webhooks

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        one = BASE + "/{endpoint_id}"
        return [
            web.get(BASE, self.list_all),
            web.post(BASE, self.create),
            web.get(one, self.read),
            web.patch(one, self.update),
            web.delete(one, self.delete),
            web.post(one + "/enable", self.enable),
            web.post(one + "/disable", self.disable),
            web.post(one + "/rotate", self.rotate),
        ]

    async def list_all(self, request: web.Request) -> web.Response:
        _, project = await own_project(self.door, request)
        found = await self.webhooks.rows.of_project(project.id)
        return web.json_response({"webhooks": [endpoint_body(registered) for registered in found]})

    async def create(self, request: web.Request) -> web.Response:
        """Register an endpoint and show its secret, this once."""
        developer, project = await own_project(self.door, request)
        sent = await read_model(request, EndpointCreateRequest)
        address = self._address(sent.url)
        endpoint_id, secret, limit = str(uuid4()), self.webhooks.secrets.mint(), self._limit
        event = WebhookRegistered(
            developer=developer.developer_id,
            project=project.id,
            url=address.digest,
            event_types=event_types(sent.event_types),
        )
        try:
            await self.webhooks.register(
                endpoint_id,
                event,
                address=address,
                description=sent.description,
                secret=secret,
                limit=limit,
                cause=cause_of(request, developer.actor),
            )
        except LimitReachedError:
            sentence = f"Maximum of {limit} webhook endpoints reached. Remove one first."
            raise ExemplarError(ErrorCode.WEBHOOK_LIMIT, sentence) from None
        made = await self._row(project.id, endpoint_id)
        return secret_response({**endpoint_body(made), "secret": secret}, status=201)

    async def read(self, request: web.Request) -> web.Response:
        _, registered = await self.own(request)
        return web.json_response(endpoint_body(registered))

    async def update(self, request: web.Request) -> web.Response:
        """Change what was sent and leave the rest."""
        developer, registered = await self.own(request)
        sent = await read_model(request, EndpointUpdateRequest)
        url = sent.url
        address = None if url is None or url == registered.url else self._address(url)
        types = sent.event_types
        listens = tuple(registered.endpoint.listens) if types is None else event_types(types)
        digest = address.digest if address else registered.endpoint.url
        personal_data = {"description": sent.description} if "description" in sent.model_fields_set else {}
        await self.webhooks.change(
            registered.endpoint.id,
            lambda endpoint: [
                *rules.change(endpoint, url=digest, event_types=listens),
                *_switched(endpoint, enabled=sent.enabled),
            ],
            address=address,
            personal_data=personal_data,
            cause=cause_of(request, developer.actor),
        )
        return await self.read(request)

    async def delete(self, request: web.Request) -> web.Response:
        """Take an endpoint away, with its secret and its deliveries."""
        await self._decide(request, rules.remove)
        return web.Response(status=204)

    async def enable(self, request: web.Request) -> web.Response:
        """Let deliveries go on; what was skipped meanwhile is asked for by `recover`."""
        await self._decide(request, rules.enable)
        return await self.read(request)

    async def disable(self, request: web.Request) -> web.Response:
        await self._decide(request, lambda endpoint: rules.disable(endpoint, "developer"))
        return await self.read(request)

    async def rotate(self, request: web.Request) -> web.Response:
        """Make a new secret, shown this once; the old one signs too for a day."""
        developer, registered = await self.own(request)
        secret, until = await rotated(self.webhooks, registered.endpoint.id)
        await self.webhooks.decide(
            registered.endpoint.id,
            lambda endpoint: rules.rotate(endpoint, overlap_until=until),
            cause=cause_of(request, developer.actor),
        )
        return secret_response({"secret": secret, "previous_secret_valid_until": format_time(until)})

    async def own(self, request: web.Request) -> tuple[DeveloperIdentity, Registered]:
        """Admit a developer to the endpoint in the path; 404 for another's."""
        developer, project = await own_project(self.door, request)
        return developer, await self._row(project.id, path_id(request, "endpoint_id"))

    async def _row(self, project: str, endpoint_id: str) -> Registered:
        registered = await self.webhooks.rows.get(endpoint_id)
        if registered is None or registered.endpoint.project != project:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return registered

    async def _decide(self, request: web.Request, decision: Decision) -> None:
        developer, registered = await self.own(request)
        cause = cause_of(request, developer.actor)
        await self.webhooks.decide(registered.endpoint.id, decision, cause=cause)

    def _address(self, url: str) -> Address:
        checked, salt = check_url(url, self.webhooks.settings.allow, field="url"), secrets.token_bytes(32)
        return Address(salted_digest(salt, checked.encode()), checked, salt)

    @property
    def _limit(self) -> int:
        return self.webhooks.settings.endpoints_per_project


def _switched(endpoint: rules.Endpoint, *, enabled: bool | None) -> list[Any]:
    if enabled is None:
        return []
    return rules.enable(endpoint) if enabled else rules.disable(endpoint, "developer")
