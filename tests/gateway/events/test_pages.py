"""Events as a page, as lines and as a long poll."""

import asyncio
import json

import pytest
from aiohttp import ClientSession

from domain.generation.generation import stream_of
from tests.gateway.events.gateway_system import (
    BEFORE_COMPLETION,
    LIFECYCLE,
    PATH,
    EndUser,
    Gateway,
    GatewaySystem,
)
from tests.systems.waiting import until


def address(gateway: Gateway, generation: str) -> str:
    return f"{gateway.url}{PATH}/{generation}/events"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/event-stream;q=0.1, application/json"])
async def test_a_page_is_the_default_format(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, accept: str | None
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation)
    headers = user.bearer if accept is None else {**user.bearer, "Accept": accept}
    async with session.get(f"{address(gateway, generation)}?after=6", headers=headers) as answer:
        page = await answer.json()
        assert answer.headers["Vary"] == "Accept"
    assert [(event["version"], event["type"]) for event in page["events"]] == await system.visible_events(generation, 6)
    assert page["version"] == 11
    assert "reset" not in page


async def test_lines_are_one_event_each(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation)
    headers = {**user.bearer, "Accept": "application/x-ndjson"}
    async with session.get(address(gateway, generation), headers=headers) as answer:
        events = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert [(event["version"], event["type"]) for event in events] == await system.visible_events(generation)


async def test_an_unknown_position_gets_a_reset_and_all_events(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    for position in ("7", "garbage"):
        url = f"{address(gateway, generation)}?after={position}"
        async with session.get(url, headers=user.bearer) as answer:
            page = await answer.json()
        assert page["reset"] is True
        assert [event["version"] for event in page["events"]] == [1]
        async with session.get(url, headers={**user.bearer, "Accept": "application/x-ndjson"}) as answer:
            lines = (await answer.text()).splitlines()
        assert [json.loads(line)["type"] for line in lines] == ["reset", "generation.requested"]


async def test_a_long_poll_ends_with_the_next_visible_event(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    url = f"{address(gateway, generation)}?after=1&wait=30"
    waiting = asyncio.create_task(session.get(url, headers=user.bearer))
    await until(lambda: gateway.event_hub.broadcaster.watched == {stream_of(generation)})
    await system.append(generation, *BEFORE_COMPLETION[0])
    async with await waiting as answer:
        page = await answer.json()
    assert [(event["version"], event["type"]) for event in page["events"]] == [(2, "generation.validated")]


async def test_a_long_poll_ends_after_its_wait_and_at_once_for_a_finished_generation(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    async with session.get(f"{address(gateway, generation)}?after=1&wait=1", headers=user.bearer) as answer:
        assert await answer.json() == {"events": [], "version": 1}
    await system.append_all(generation, LIFECYCLE)
    async with asyncio.timeout(5):
        url = f"{address(gateway, generation)}?after=11&wait=60"
        async with session.get(url, headers=user.bearer) as answer:
            assert await answer.json() == {"events": [], "version": 11}


@pytest.mark.parametrize("wait", ["0", "61", "soon", "-1", "1.5"])
async def test_an_invalid_wait_is_refused(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, wait: str
) -> None:
    generation = await system.start_generation(user)
    async with session.get(f"{address(gateway, generation)}?wait={wait}", headers=user.bearer) as answer:
        assert (answer.status, (await answer.json())["detail"][0]["loc"]) == (422, ["query", "wait"])


async def test_head_opens_no_stream(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    headers = {**user.bearer, "Accept": "text/event-stream"}
    async with session.head(address(gateway, generation), headers=headers) as answer:
        assert answer.status == 200
