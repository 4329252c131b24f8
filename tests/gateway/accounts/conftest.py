import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from pymongo import MongoClient

from domain.accounts.passwords import Passwords
from gateway.auth.tokens import Tokens
from store.generations.generations import Generations
from tests.builders.clock import Clock
from tests.builders.pictures import jpeg
from tests.gateway.accounts.gateway_harness import (
    PASSWORD,
    SECRET,
    GatewayHarness,
    application_of,
    erasure_of,
)
from tests.stores import open_store


@pytest.fixture(scope="module")
def accounts_database(mongod: str) -> Iterator[str]:
    """Return the URL of a database for one module; its tests make tenants of their own."""
    base, _, parameters = mongod.partition("?")
    name = f"test_accounts_{uuid.uuid4().hex[:8]}"
    yield f"{base}{name}?{parameters}"
    with MongoClient[dict[str, object]](mongod) as client:
        client.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(accounts_database: str) -> AsyncIterator[GatewayHarness]:
    clock = Clock.running()
    async with open_store(accounts_database, clock=clock) as store:
        generations = Generations(store.events, announce=lambda _: None, clock=clock)
        client = TestClient(TestServer(application_of(store, generations, clock)))
        await client.start_server()
        yield GatewayHarness(
            client=client,
            store=store,
            changes=store.account_changes,
            generations=generations,
            erasure=erasure_of(store, generations, clock),
            tokens=Tokens([SECRET], clock),
            clock=clock,
            password_hash=await Passwords(memory_kib=8, passes=1).hash(PASSWORD),
            picture=jpeg("rocket.jpg", (64, 64)),
        )
        await client.close()
        await store.accounts.keys.settle()
