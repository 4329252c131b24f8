"""`/api/v1/projects/{project_id}/webhooks/*`: the endpoints to which a project's events are sent.

`/api/v1/webhooks/default/secret` is the secret that signs the webhooks of a project's single requests; an end user
reads the one of their own requests, which proves nothing of others.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import uuid4

from aiohttp import web

from domain.accounts.access import Role
from domain.accounts.access_keys import Scope, require_scope
from domain.errors import ErrorCode, ExemplarError
from domain.generation.digests import salted_digest
from domain.paths import DEFAULT_WEBHOOK_SECRET, PROJECT_WEBHOOKS, WEBHOOK_ENDPOINT
from domain.webhooks import endpoint as decisions
from domain.webhooks.endpoint import Endpoint, default_endpoint
from domain.webhooks.master_keys import SecretLostError
from domain.webhooks.signature import user_secret
from events.envelope import Cause, format_time
from events.event import Event
from events.webhook import WebhookRegistered
from gateway.accounts.bodies import secret_response
from gateway.auth.authentication import Authenticator
from gateway.auth.headers import project_header
from gateway.http.parsing import path_id, read_model
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import delete, get, patch, post
from gateway.webhooks import answers
from gateway.webhooks.bodies import endpoint_body
from gateway.webhooks.checks import check_url, event_types
from gateway.webhooks.requests import EndpointCreateRequest, EndpointUpdateRequest
from store.accounts.accounts import Accounts
from store.webhooks.endpoints import EndpointUrl, RegisteredEndpoint, WebhookEndpoints
from store.webhooks.secrets import WebhookSecrets
from store.webhooks.webhooks import Decision, Webhooks

_CREATE: Final = (ErrorCode.WEBHOOK_LIMIT, ErrorCode.INVALID_WEBHOOK)
_SECRET: Final = (ErrorCode.WEBHOOK_SECRET_LOST, ErrorCode.NOT_FOUND)
_READ_SECRET: Final = (
    *_SECRET,
    ErrorCode.ROLE_HEADER_REQUIRED,
    ErrorCode.DEVELOPER_KEY_REQUIRED,
    ErrorCode.PROJECT_ID_REQUIRED,
    ErrorCode.API_KEY_REQUIRED,
    ErrorCode.INSUFFICIENT_SCOPE,
)
_ROTATE: Final = (*_SECRET, ErrorCode.ROTATION_LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRoutes:
    """Register, change and remove the endpoints of a developer's projects."""

    accounts: Accounts
    authenticator: Authenticator
    webhooks: Webhooks
    endpoints: WebhookEndpoints
    webhook_secrets: WebhookSecrets
    webhook_allow: Collection[str]
    webhook_limit: int

    @get(PROJECT_WEBHOOKS, "developer", answer=answers.WebhookEndpoints)
    async def list_all(self, request: web.Request) -> web.Response:
        """List a project's webhook endpoints."""
        _, project = await self.authenticator.authenticate_project_owner(request)
        found = await self.endpoints.of_project(project.id)
        body: answers.WebhookEndpoints = {"webhooks": list(map(endpoint_body, found))}
        return web.json_response(body)

    @post(
        PROJECT_WEBHOOKS,
        "developer",
        201,
        body=EndpointCreateRequest,
        answer=answers.NewWebhookEndpoint,
        codes=_CREATE,
    )
    async def create(self, request: web.Request) -> web.Response:
        """Make a webhook endpoint; its secret is shown once."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        body = await read_model(request, EndpointCreateRequest)
        url, endpoint_id = self._salted(body.url), str(uuid4())
        event = WebhookRegistered(
            developer=developer.developer_id,
            project=project.id,
            url=url.digest,
            event_types=event_types(body.event_types),
        )
        secret = await self.webhooks.register(
            endpoint_id,
            event,
            url=url,
            description=body.description,
            limit=self.webhook_limit,
            cause=cause_of(request, developer.actor),
        )
        registered = await self.endpoints.require(project.id, endpoint_id)
        shown: answers.NewWebhookEndpoint = {**endpoint_body(registered), "secret": secret}
        return secret_response(shown, status=201)

    @get(WEBHOOK_ENDPOINT, "developer", answer=answers.WebhookEndpoint)
    async def read(self, request: web.Request) -> web.Response:
        """Read an endpoint."""
        _, registered = await self._own(request)
        return web.json_response(endpoint_body(registered))

    @patch(
        WEBHOOK_ENDPOINT,
        "developer",
        body=EndpointUpdateRequest,
        answer=answers.WebhookEndpoint,
        codes=(ErrorCode.INVALID_WEBHOOK,),
    )
    async def update(self, request: web.Request) -> web.Response:
        """Change an endpoint: the fields that are sent."""
        cause, registered = await self._own(request)
        body = await read_model(request, EndpointUpdateRequest)
        url = self._salted(body.url) if body.url and body.url != registered.url else None
        decision = _decision(body, url)
        if "description" in body.model_fields_set:
            await self.endpoints.describe(registered.endpoint.id, body.description)
        await self.webhooks.decide(registered.endpoint.id, decision, cause=cause, url=url)
        return await self.read(request)

    @delete(WEBHOOK_ENDPOINT, "developer", 204)
    async def delete(self, request: web.Request) -> web.Response:
        """Remove an endpoint with its secrets and its deliveries."""
        await self._decide(request, decisions.remove)
        return web.Response(status=204)

    @post(f"{WEBHOOK_ENDPOINT}/enable", "developer", answer=answers.WebhookEndpoint)
    async def enable(self, request: web.Request) -> web.Response:
        """Resume deliveries; `recover` sends what was skipped in the meantime."""
        await self._decide(request, decisions.enable)
        return await self.read(request)

    @post(f"{WEBHOOK_ENDPOINT}/disable", "developer", answer=answers.WebhookEndpoint)
    async def disable(self, request: web.Request) -> web.Response:
        """Stop all deliveries."""
        await self._decide(request, partial(decisions.disable, reason="developer"))
        return await self.read(request)

    @post(f"{WEBHOOK_ENDPOINT}/rotate", "developer", answer=answers.RotatedSecret, codes=_ROTATE)
    async def rotate(self, request: web.Request) -> web.Response:
        """Rotate the secret; the new one is shown once, the old one signs too for a day."""
        cause, registered = await self._own(request)
        secret, until = await self.webhook_secrets.rotate(registered.endpoint.id)
        decision = partial(decisions.rotate, overlap_until=until)
        await self.webhooks.decide(registered.endpoint.id, decision, cause=cause)
        shown: answers.RotatedSecret = {"secret": secret, "previous_secret_valid_until": format_time(until)}
        return secret_response(shown)

    @get(
        DEFAULT_WEBHOOK_SECRET,
        "developer",
        answer=answers.DefaultSecret,
        headers=("X-Project-ID",),
        codes=_READ_SECRET,
    )
    async def read_default_secret(self, request: web.Request) -> web.Response:
        """Read the secret that signs webhooks of single requests; an end user needs all keys, and reads their own."""
        claims = await self.authenticator.authenticate_account(request)
        if claims.role is Role.END_USER:
            identity = await self.authenticator.authenticate_submission(request)
            require_scope(identity.scopes, Scope.MANAGE)  # what is read here outlives an access key
            key = user_secret(await self._default_secret(identity.project_id), claims.subject)
        else:
            key = await self._default_secret(await self._project_of_developer(request))
        shown: answers.DefaultSecret = {"key": key}
        return secret_response(shown)

    @post(
        f"{DEFAULT_WEBHOOK_SECRET}/rotate",
        "developer",
        answer=answers.RotatedDefaultSecret,
        headers=("X-Project-ID",),
        codes=_ROTATE,
    )
    async def rotate_default_secret(self, request: web.Request) -> web.Response:
        """Rotate this secret; the old one signs too for a day."""
        project = await self._project_of_developer(request)
        secret, until = await self.webhook_secrets.rotate(default_endpoint(project))
        shown: answers.RotatedDefaultSecret = {"key": secret, "previous_secret_valid_until": format_time(until)}
        return secret_response(shown)

    async def _default_secret(self, project: str) -> str:
        try:
            newest, *_ = await self.webhook_secrets.signing(default_endpoint(project))
        except SecretLostError:
            raise ExemplarError(ErrorCode.WEBHOOK_SECRET_LOST) from None
        return newest

    async def _own(self, request: web.Request) -> tuple[Cause, RegisteredEndpoint]:
        """Authenticate a developer for the endpoint in the path; 404 for another's."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        registered = await self.endpoints.require(project.id, path_id(request, "endpoint_id"))
        return cause_of(request, developer.actor), registered

    async def _project_of_developer(self, request: web.Request) -> str:
        """Authenticate a developer for the project that X-Project-ID names."""
        developer = await self.authenticator.authenticate_developer(request)
        project = await self.accounts.project(developer.developer_id, project_header(request) or "")
        if project is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return project.id

    async def _decide(self, request: web.Request, decision: Decision) -> None:
        cause, registered = await self._own(request)
        await self.webhooks.decide(registered.endpoint.id, decision, cause=cause)

    def _salted(self, url: str) -> EndpointUrl:
        checked, salt = check_url(url, self.webhook_allow, field="url"), secrets.token_bytes(32)
        return EndpointUrl(salted_digest(salt, checked.encode()), checked, salt)


def _decision(body: EndpointUpdateRequest, url: EndpointUrl | None) -> Decision:
    """Return the decision of an update; what was not sent stays as it is."""
    types = None if body.event_types is None else event_types(body.event_types)

    def decide(endpoint: Endpoint) -> list[Event]:
        digest = endpoint.url if url is None else url.digest
        changed = decisions.change(endpoint, url=digest, event_types=types or tuple(endpoint.event_types))
        if body.enabled is None:
            return changed
        return changed + (decisions.enable(endpoint) if body.enabled else decisions.disable(endpoint, "developer"))

    return decide
