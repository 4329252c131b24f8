from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from tests.gateway.events.newsdesk import ENVIRONMENT, Gateway, Newsdesk, Person, open_newsdesk
from tests.gateway.events.reading import new_session


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with new_session() as session:
        yield session


@pytest.fixture
async def desk(
    mongodb_url: str, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Newsdesk]:
    for name, value in {**ENVIRONMENT, "EXEMPLAR_MONGODB_URL": mongodb_url}.items():
        monkeypatch.setenv(name, value)
    async with open_newsdesk(session) as desk:
        yield desk


@pytest.fixture
async def gateway(desk: Newsdesk) -> Gateway:
    return await desk.gateway()


@pytest.fixture
async def person(desk: Newsdesk, gateway: Gateway) -> Person:
    return await desk.person(gateway)
