"""The routes of webhooks on a real HTTP server with real accounts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from domain.accounts.keys import Peppers
from domain.accounts.passwords import Passwords
from gateway.auth.authentication import Authenticator
from gateway.auth.tokens import Tokens
from gateway.http.errors import errors_middleware
from gateway.http.request_ids import install_request_ids
from gateway.webhooks.default_secret import DefaultSecretRoutes
from gateway.webhooks.deliveries import DeliveryRoutes
from gateway.webhooks.endpoints import EndpointRoutes
from store.adapters import ADAPTERS, create_indexes
from tests.actors.webhooks.system import WebhookSystem
from tests.builders.clock import Clock
from tests.gateway.auth.accounts_harness import PASSWORD, PEPPER, SECRET, AccountsHarness, Tenant


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
    await create_indexes(system.store.database, ADAPTERS.values())
    clock, store = Clock.running(), system.store
    tokens, peppers = Tokens([SECRET], clock), Peppers({1: PEPPER})
    passwords = Passwords(memory_kib=8, passes=1)
    authenticator = Authenticator(store.accounts, tokens, peppers)
    changes = store.account_changes
    app = web.Application()
    install_request_ids(app)
    app.middlewares.append(errors_middleware)
    dependencies = system.process(accounts=store.accounts, authenticator=authenticator)
    app.add_routes(dependencies.call(EndpointRoutes).routes())
    app.add_routes(dependencies.call(DeliveryRoutes).routes())
    app.add_routes(dependencies.call(DefaultSecretRoutes).routes())
    async with TestClient(TestServer(app)) as client:
        hashed = await passwords.hash(PASSWORD)
        harness = AccountsHarness(
            client, store.accounts, changes, authenticator, tokens, peppers, clock, hashed, {}
        )
        yield Api(harness, await harness.tenant())
        await store.accounts.keys.settle()
