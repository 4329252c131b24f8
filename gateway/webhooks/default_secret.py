"""`/api/v1/webhooks/default/secret`: the secret that signs the webhooks of a project's single requests."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.accounts.access import Role
from domain.errors import ErrorCode, ExemplarError
from domain.paths import DEFAULT_WEBHOOK_SECRET
from domain.webhooks.endpoint import default_endpoint
from events.envelope import format_time
from gateway.accounts.bodies import secret_response
from gateway.auth.authentication import Authenticator
from gateway.auth.headers import project_header
from store.accounts.accounts import Accounts
from store.webhooks.secrets import SecretLostError, TooManySecretsError, WebhookSecrets


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultSecretRoutes:
    """Show and rotate a project's default secret."""

    accounts: Accounts
    authenticator: Authenticator
    webhook_secrets: WebhookSecrets

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get(DEFAULT_WEBHOOK_SECRET, self.read),
            web.post(f"{DEFAULT_WEBHOOK_SECRET}/rotate", self.rotate),
        ]

    async def read(self, request: web.Request) -> web.Response:
        """Show the newest secret to the developer, or to an end user with all keys."""
        claims = await self.authenticator.authenticate_account(request)
        if claims.role is Role.END_USER:
            project = (await self.authenticator.authenticate_submission(request)).project_id
        else:
            project = await self._project_of_developer(request)
        try:
            newest, *_ = await self.webhook_secrets.signing(default_endpoint(project))
        except SecretLostError:
            raise ExemplarError(ErrorCode.WEBHOOK_SECRET_LOST) from None
        return secret_response({"key": newest})

    async def rotate(self, request: web.Request) -> web.Response:
        """Make a new secret; the old one signs too for a day."""
        project = await self._project_of_developer(request)
        secret, until = await rotate(self.webhook_secrets, default_endpoint(project))
        return secret_response({"key": secret, "previous_secret_valid_until": format_time(until)})

    async def _project_of_developer(self, request: web.Request) -> str:
        """Authenticate a developer for the project that X-Project-ID names."""
        developer = await self.authenticator.authenticate_developer(request)
        project = await self.accounts.project(developer.developer_id, project_header(request) or "")
        if project is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return project.id


async def rotate(webhook_secrets: WebhookSecrets, endpoint: str) -> tuple[str, datetime]:
    """Make a new secret; return it and when the old one ends. 409 while too many overlap."""
    try:
        return await webhook_secrets.rotate(endpoint)
    except TooManySecretsError:
        raise ExemplarError(ErrorCode.ROTATION_LIMIT) from None
