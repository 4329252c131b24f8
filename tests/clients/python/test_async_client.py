"""The client for event loops does what the other one does."""

import asyncio
from pathlib import Path

import pytest

from exemplar_client import AsyncClient, Keys, LimitExceededError, Retries
from tests.clients.python.faulty_proxy import FaultyProxy, response
from tests.systems.account import Account
from tests.systems.tenants import small


@pytest.fixture
def client(proxy: FaultyProxy, account: Account, pauses: list[float]) -> AsyncClient:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    keys = Keys(account.project_id, account.developer_key, account.api_key)
    return AsyncClient(
        proxy.url, keys, email=account.email, password=account.password, retries=Retries(attempts=3), sleep=pause
    )


async def test_a_picture_is_generated_watched_and_downloaded(client: AsyncClient, tmp_path: Path) -> None:
    async with client:
        accepted = await client.submit([small()], {"prompt": "a lighthouse"})
        events = [event async for event in client.events(accepted.id)]
        assert [events[0].type, events[-1].type] == ["generation.requested", "generation.completed"]
        assert (await client.wait(accepted.id, timeout=60))["status"] == "completed"
        target = await client.download(accepted.id, tmp_path / "picture.png")
        assert target.read_bytes() == (await client.picture(accepted.id)).content
        assert [one["id"] async for one in client.all(status="completed")] == [accepted.id]
        assert (await client.api.read_own_account())["role"] == "end_user"
        await client.delete(accepted.id)


async def test_an_interrupted_stream_gives_each_event_once(client: AsyncClient, proxy: FaultyProxy) -> None:
    async with client:
        generation = (await client.submit([small()], {"prompt": "a lighthouse"})).id
        await client.wait(generation, timeout=60)
        whole = [event async for event in client.events(generation)]
        for cut in (900, 300, 700):
            proxy.inject("/events", after=cut)
        assert [event async for event in client.events(generation)] == whole


async def test_tasks_share_one_login(client: AsyncClient, proxy: FaultyProxy) -> None:
    async with client:
        await asyncio.gather(*(client.page() for _ in range(5)))
        assert len(proxy.heads("auth/login")) == 1


async def test_errors_and_pauses_are_those_of_the_other_client(
    client: AsyncClient, proxy: FaultyProxy, pauses: list[float]
) -> None:
    async with client:
        await client.log_in()
        proxy.inject("generations-v2", instead=response(429, b"{}", Retry_After="2"))
        proxy.inject("generations-v2", instead=response(429, b'{"code": "busy"}', Retry_After="900"))
        with pytest.raises(LimitExceededError, match="busy"):
            await client.page()
        assert pauses == [2.0]
