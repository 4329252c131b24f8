from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from tests.gateway.events.gateway_system import EndUser, Gateway, GatewaySystem, open_system
from tests.gateway.events.sse_client import new_session


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with new_session() as session:
        yield session


@pytest.fixture
async def system(mongodb_url: str, session: ClientSession) -> AsyncIterator[GatewaySystem]:
    async with open_system(mongodb_url, session) as system:
        yield system


@pytest.fixture
async def gateway(system: GatewaySystem) -> Gateway:
    return await system.start_gateway()


@pytest.fixture
async def user(system: GatewaySystem, gateway: Gateway) -> EndUser:
    return await system.register_user(gateway)
