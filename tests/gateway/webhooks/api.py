"""The routes of webhooks on a real HTTP server with real accounts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from gateway.auth.tokens import Tokens
from tests.builders.clock import Clock
from tests.systems.accounts_harness import AccountsHarness, Tenant, open_accounts
from tests.systems.gateway import SECRET
from tests.systems.webhook_system import WebhookSystem


@dataclass(frozen=True)
class Response:
    """A response of the API."""

    status: int
    body: Any


@dataclass(frozen=True)
class Api:
    """Calls the API for one developer."""

    harness: AccountsHarness
    tenant: Tenant

    async def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """Call a path below the project's webhooks, or an absolute one, as the developer."""
        whole = path if path.startswith("/api") else f"{self.base}{path}"
        sent = {**self.harness.as_developer(self.tenant), **headers}
        return await self.raw(method, whole, body, sent)

    async def raw(self, method: str, path: str, body: object, headers: Any) -> Response:
        async with self.harness.client.request(method, path, json=body, headers=headers) as answer:
            text = await answer.text()
            return Response(answer.status, await answer.json() if text else None)

    @property
    def base(self) -> str:
        return f"/api/v1/projects/{self.tenant.project_id}/webhooks"

    async def create_endpoint(self, url: str, **more: object) -> dict[str, Any]:
        """Register an endpoint that must be accepted."""
        response = await self("POST", "", {"url": url, **more})
        assert response.status == 201, response.body
        return dict(response.body)


@asynccontextmanager
async def open_api(system: WebhookSystem) -> AsyncIterator[Api]:
    """Serve the routes on a system's store, for one developer with a project."""
    tokens = Tokens([SECRET], Clock.running())
    async with open_accounts(system.store, system.clock, **system.chosen, tokens=tokens) as harness:
        yield Api(harness, await harness.tenant())
