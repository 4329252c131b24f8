import uuid
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pymongo import MongoClient

from domain.accounts.credentials import Passwords, PasswordSettings, Peppers
from gateway.accounts.auth_routes import AuthRoutes
from gateway.accounts.developers import DeveloperRoutes
from gateway.accounts.identity import IdentityRoutes
from gateway.accounts.project_users import ProjectUserRoutes
from gateway.accounts.projects import ProjectRoutes
from gateway.auth.authentication import Authenticator
from gateway.auth.tokens import Sessions, Tokens
from gateway.http.client_address import ClientAddresses
from gateway.http.errors import errors_middleware
from gateway.http.request_ids import install_request_ids
from tests.gateway.auth.world import OPERATOR_KEY, PASSWORD, PEPPER, RETIRED_SECRET, SECRET, Clock, World
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
async def world(identity_database: str) -> AsyncIterator[World]:
    clock = Clock()
    async with open_store(identity_database, clock=clock) as store:
        accounts, changes = store.accounts, store.account_changes
        tokens = Tokens([SECRET, RETIRED_SECRET], clock)
        peppers = Peppers({1: PEPPER})
        passwords = Passwords(PasswordSettings(memory_kib=8, passes=1))
        authenticator = Authenticator(accounts, tokens, peppers, operator_keys=[OPERATOR_KEY])
        sessions = Sessions(accounts, tokens)
        door = IdentityRoutes(
            accounts,
            changes,
            store.platform_changes,
            authenticator,
            sessions,
            passwords,
            peppers,
            clock,
            client_addresses=ClientAddresses(LOOPBACK),
        )
        client = TestClient(TestServer(application(door, authenticator)))
        await client.start_server()
        password_hash = await passwords.hash(PASSWORD)
        yield World(client, accounts, changes, authenticator, tokens, peppers, clock, password_hash, door)
        await client.close()
        await accounts.keys.settle()


def application(door: IdentityRoutes, authenticator: Authenticator) -> web.Application:
    async def submit(request: web.Request) -> web.Response:
        identity = await authenticator.submitter(request)
        return web.json_response([identity.developer_id, identity.project_id, identity.user_id])

    async def read(request: web.Request) -> web.Response:
        identity = await authenticator.reader(request)
        return web.json_response([identity.developer_id, identity.project_id, identity.user_id])

    app = web.Application()
    install_request_ids(app)
    app.middlewares.append(errors_middleware)
    app.add_routes([*AuthRoutes(door).routes(), *DeveloperRoutes(door).routes()])
    app.add_routes([*ProjectRoutes(door).routes(), *ProjectUserRoutes(door).routes()])
    app.add_routes([web.get("/submit", submit), web.get("/read", read)])
    return app
