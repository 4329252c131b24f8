"""The routes of webhooks behind a real door with real accounts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from domain.accounts.credentials import Passwords, PasswordSettings, Peppers
from gateway.accounts.identity import IdentityRoutes
from gateway.auth.authentication import Authenticator
from gateway.auth.tokens import Sessions, Tokens
from gateway.http.errors import errors_middleware
from gateway.http.request_ids import install_request_ids
from gateway.webhooks.deliveries import DeliveryRoutes
from gateway.webhooks.endpoints import WebhookRoutes
from tests.actors.webhooks.post_office import PostOffice
from tests.gateway.auth.world import PASSWORD, PEPPER, SECRET, Clock, Tenant, World


@dataclass(frozen=True)
class Told:
    """An answer of the API."""

    status: int
    body: Any


@dataclass(frozen=True)
class Api:
    """Calls the API for one developer."""

    world: World
    tenant: Tenant

    async def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Told:
        """Call a path below the project's webhooks, or an absolute one, as the developer."""
        whole = path if path.startswith("/api") else f"{self.base}{path}"
        sent = {**self.world.as_developer(self.tenant), **headers}
        return await self.raw(method, whole, body, sent)

    async def raw(self, method: str, path: str, body: object, headers: Any) -> Told:
        async with self.world.client.request(method, path, json=body, headers=headers) as answer:
            text = await answer.text()
            return Told(answer.status, await answer.json() if text else None)

    @property
    def base(self) -> str:
        return f"/api/v1/projects/{self.tenant.project_id}/webhooks"

    async def made(self, url: str, **more: object) -> dict[str, Any]:
        """Register an endpoint that must be accepted."""
        told = await self("POST", "", {"url": url, **more})
        assert told.status == 201, told.body
        return dict(told.body)


@asynccontextmanager
async def open_api(administration: PostOffice) -> AsyncIterator[Api]:
    """Serve the routes on a post office's store, with one developer and his project."""
    clock, store = Clock(), administration.store
    tokens, peppers = Tokens([SECRET], clock), Peppers({1: PEPPER})
    passwords = Passwords(PasswordSettings(memory_kib=8, passes=1))
    authenticator = Authenticator(store.accounts, tokens, peppers)
    changes = store.account_changes
    sessions = Sessions(store.accounts, tokens)
    door = IdentityRoutes(
        store.accounts,
        changes,
        store.platform_changes,
        authenticator,
        sessions,
        passwords,
        peppers,
        clock,
    )
    app = web.Application()
    install_request_ids(app)
    app.middlewares.append(errors_middleware)
    app.add_routes(WebhookRoutes(door=door, webhooks=administration.webhooks).routes())
    app.add_routes(
        DeliveryRoutes(door=door, webhooks=administration.webhooks, clock=administration.clock).routes()
    )
    async with TestClient(TestServer(app)) as client:
        hashed = await passwords.hash(PASSWORD)
        world = World(client, store.accounts, changes, authenticator, tokens, peppers, clock, hashed, door)
        yield Api(world, await world.tenant())
        await store.accounts.keys.settle()
