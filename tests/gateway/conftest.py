import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.builders.clock import Clock
from tests.stores import open_store
from tests.systems.accounts_harness import AccountsHarness, open_accounts
from tests.systems.gateway_harness import GatewayHarness, open_gateway
from tests.systems.servers import database


@pytest.fixture(scope="module")
def accounts_database(mongod: str) -> Iterator[str]:
    """Return the URL of a database for one module; its tests make tenants of their own."""
    with database(mongod, f"test_accounts_{uuid.uuid4().hex[:8]}") as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(accounts_database: str) -> AsyncIterator[GatewayHarness]:
    async with open_gateway(accounts_database) as harness:
        yield harness


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def harness(accounts_database: str) -> AsyncIterator[AccountsHarness]:
    clock = Clock.running()
    async with open_store(accounts_database, clock=clock) as store, open_accounts(store, clock) as harness:
        yield harness
