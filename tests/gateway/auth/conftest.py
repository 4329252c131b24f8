import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pymongo import MongoClient

from domain.accounts.keys import Peppers
from domain.accounts.passwords import Passwords
from exemplar.injection import Dependencies
from gateway.accounts.developer_keys import DeveloperKeyRoutes
from gateway.accounts.developers import DeveloperRoutes
from gateway.accounts.login import LoginRoutes
from gateway.accounts.own_account import OwnAccountRoutes
from gateway.accounts.project_users import ProjectUserRoutes
from gateway.accounts.projects import ProjectRoutes
from gateway.accounts.registration import RegistrationRoutes
from gateway.auth.authentication import Authenticator
from gateway.auth.login_attempts import LoginAttempts
from gateway.auth.sessions import Sessions
from gateway.auth.tokens import Tokens
from gateway.http.client_address import ClientAddresses
from gateway.http.errors import errors_middleware
from gateway.http.request_ids import install_request_ids
from gateway.routes import Routes
from tests.builders.clock import Clock
from tests.gateway.auth.accounts_harness import (
    OPERATOR_KEY,
    PASSWORD,
    PEPPER,
    RETIRED_SECRET,
    SECRET,
    AccountsHarness,
)
from tests.stores import open_store

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="module")
def identity_database(mongod: str) -> Iterator[str]:
    """Return the URL of a database for one module; its tests make tenants of their own."""
    base, _, parameters = mongod.partition("?")
    name = f"test_identity_{uuid.uuid4().hex[:8]}"
    yield f"{base}{name}?{parameters}"
    with MongoClient[dict[str, object]](mongod) as client:
        client.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def harness(identity_database: str) -> AsyncIterator[AccountsHarness]:
    clock = Clock.running()
    async with open_store(identity_database, clock=clock) as store:
        accounts, changes = store.accounts, store.account_changes
        tokens = Tokens([SECRET, RETIRED_SECRET], clock)
        peppers = Peppers({1: PEPPER})
        passwords = Passwords(memory_kib=8, passes=1)
        authenticator = Authenticator(accounts, tokens, peppers, operator_keys=[OPERATOR_KEY])
        values: dict[str, Any] = {
            "accounts": accounts,
            "account_changes": changes,
            "platform_changes": store.platform_changes,
            "authenticator": authenticator,
            "tokens": tokens,
            "passwords": passwords,
            "peppers": peppers,
            "clock": clock,
            "client_addresses": ClientAddresses(LOOPBACK),
        }
        client = TestClient(TestServer(application(**values)))
        await client.start_server()
        password_hash = await passwords.hash(PASSWORD)
        yield AccountsHarness(
            client, accounts, changes, authenticator, tokens, peppers, clock, password_hash, values
        )
        await client.close()
        await accounts.keys.settle()


ROUTES: Sequence[Callable[..., Routes]] = (
    LoginRoutes,
    RegistrationRoutes,
    OwnAccountRoutes,
    DeveloperKeyRoutes,
    DeveloperRoutes,
    ProjectUserRoutes,
    ProjectRoutes,
)


def application(*, authenticator: Authenticator, **values: object) -> web.Application:
    """Create an application with the routes of accounts, and two that answer who was authenticated."""

    async def submit(request: web.Request) -> web.Response:
        identity = await authenticator.authenticate_submission(request)
        return web.json_response([identity.developer_id, identity.project_id, identity.user_id])

    async def read(request: web.Request) -> web.Response:
        identity = await authenticator.authenticate_end_user(request)
        return web.json_response([identity.developer_id, identity.project_id, identity.user_id])

    dependencies = Dependencies(authenticator=authenticator, **values)
    dependencies.provide({"login_attempts": LoginAttempts, "sessions": Sessions})
    app = web.Application()
    install_request_ids(app)
    app.middlewares.append(errors_middleware)
    for routes in ROUTES:
        app.add_routes(dependencies.call(routes).routes())
    app.add_routes([web.get("/submit", submit), web.get("/read", read)])
    return app
