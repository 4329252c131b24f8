from dataclasses import dataclass

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.errors import ErrorCode, ExemplarError
from domain.webhooks.endpoint import default_endpoint
from gateway.auth.authentication import Authenticator
from gateway.http.parsing import path_id
from store.webhooks.endpoints import RegisteredEndpoint, WebhookEndpoints

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class OwnedEndpoint:
    """The endpoint in a path with its owner; `id` may be that of a project's default endpoint."""

    developer: DeveloperIdentity
    project: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAccess:
    """Admit developers to the endpoints of their projects; 404 for another's."""

    authenticator: Authenticator
    endpoints: WebhookEndpoints

    async def any(self, request: web.Request) -> OwnedEndpoint:
        """Authenticate a developer for an endpoint, or for `default`: the webhooks of single requests."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        if request.match_info["endpoint_id"] == _DEFAULT:
            return OwnedEndpoint(developer, project.id, default_endpoint(project.id))
        registered = await self.endpoints.require(project.id, path_id(request, "endpoint_id"))
        return OwnedEndpoint(developer, project.id, registered.endpoint.id)

    async def sending(self, request: web.Request) -> OwnedEndpoint:
        """Authenticate a developer for an endpoint, or for `default`; `conflict` while it is disabled."""
        owned = await self.any(request)
        if owned.id != default_endpoint(owned.project):
            self._require_enabled(await self.endpoints.require(owned.project, owned.id))
        return owned

    async def enabled(self, request: web.Request) -> tuple[OwnedEndpoint, RegisteredEndpoint]:
        """Authenticate a developer for a registered endpoint; `conflict` while it is disabled."""
        owned = await self.any(request)
        registered = await self.endpoints.require(owned.project, owned.id)
        self._require_enabled(registered)
        return owned, registered

    @staticmethod
    def _require_enabled(registered: RegisteredEndpoint) -> None:
        if registered.endpoint.disabled:
            raise ExemplarError(ErrorCode.CONFLICT, "The webhook endpoint is disabled: enable it first")
