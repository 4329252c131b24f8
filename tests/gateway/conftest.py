from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.builders.clock import Clock
from tests.stores import open_store
from tests.systems.accounts_harness import AccountsHarness, open_accounts
from tests.systems.documented import PROBLEMS
from tests.systems.gateway_harness import GatewayHarness, open_gateway


@pytest.fixture(autouse=True)
def documented_answers() -> Iterator[None]:
    """Fail a test in which a gateway answered what its OpenAPI document does not say."""
    yield
    found, PROBLEMS[:] = sorted(set(PROBLEMS)), []
    assert not found, "\n".join(found[:20])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(module_database: str) -> AsyncIterator[GatewayHarness]:
    async with open_gateway(module_database) as harness:
        yield harness


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def harness(module_database: str) -> AsyncIterator[AccountsHarness]:
    clock = Clock.running()
    async with open_store(module_database, clock=clock) as store, open_accounts(store, clock) as harness:
        yield harness
