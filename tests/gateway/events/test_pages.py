"""The same address as a page, as lines and as a long poll."""

import asyncio
import json

import pytest
from aiohttp import ClientSession

from domain.generation.generation import stream_of
from tests.gateway.events.newsdesk import BEFORE_THE_END, ONE, ROAD, Gateway, Newsdesk, Person, until


def address(gateway: Gateway, generation: str) -> str:
    return f"{gateway.url}{ONE}/{generation}/events"


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "text/event-stream;q=0.1, application/json"]
)
async def test_a_page_is_the_form_unless_another_is_asked_for(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession, accept: str | None
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation)
    headers = person.reading if accept is None else {**person.reading, "Accept": accept}
    async with session.get(f"{address(gateway, generation)}?after=6", headers=headers) as answer:
        page = await answer.json()
        assert answer.headers["Vary"] == "Accept"
    assert [(event["version"], event["type"]) for event in page["events"]] == await desk.shown(generation, 6)
    assert page["version"] == 11
    assert "reset" not in page


async def test_lines_are_one_event_each(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation)
    headers = {**person.reading, "Accept": "application/x-ndjson"}
    async with session.get(address(gateway, generation), headers=headers) as answer:
        events = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert [(event["version"], event["type"]) for event in events] == await desk.shown(generation)


async def test_an_unknown_position_is_told_and_everything_sent(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    for position in ("7", "garbage"):
        url = f"{address(gateway, generation)}?after={position}"
        async with session.get(url, headers=person.reading) as answer:
            page = await answer.json()
        assert page["reset"] is True
        assert [event["version"] for event in page["events"]] == [1]
        async with session.get(url, headers={**person.reading, "Accept": "application/x-ndjson"}) as answer:
            lines = (await answer.text()).splitlines()
        assert [json.loads(line)["type"] for line in lines] == ["reset", "generation.requested"]


async def test_a_long_poll_is_answered_when_something_visible_happens(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    url = f"{address(gateway, generation)}?after=1&wait=30"
    waiting = asyncio.create_task(session.get(url, headers=person.reading))
    await until(lambda: gateway.event_hub.broadcaster.listened == {stream_of(generation)})
    await desk.happen(generation, *BEFORE_THE_END[0])
    async with await waiting as answer:
        page = await answer.json()
    assert [(event["version"], event["type"]) for event in page["events"]] == [(2, "generation.validated")]


async def test_a_long_poll_ends_without_news_and_does_not_wait_for_what_is_finished(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    async with session.get(
        f"{address(gateway, generation)}?after=1&wait=1", headers=person.reading
    ) as answer:
        assert await answer.json() == {"events": [], "version": 1}
    await desk.travel(generation, ROAD)
    async with asyncio.timeout(5):
        url = f"{address(gateway, generation)}?after=11&wait=60"
        async with session.get(url, headers=person.reading) as answer:
            assert await answer.json() == {"events": [], "version": 11}


@pytest.mark.parametrize("wait", ["0", "61", "soon", "-1", "1.5"])
async def test_a_wait_of_no_sense_is_refused(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession, wait: str
) -> None:
    generation = await desk.generation(person)
    async with session.get(f"{address(gateway, generation)}?wait={wait}", headers=person.reading) as answer:
        assert (answer.status, (await answer.json())["detail"][0]["loc"]) == (422, ["query", "wait"])


async def test_head_opens_no_stream(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    headers = {**person.reading, "Accept": "text/event-stream"}
    async with session.head(address(gateway, generation), headers=headers) as answer:
        assert answer.status == 200
