"""A browser's EventSource sends no headers: it comes with a ticket."""

from datetime import timedelta
from typing import Any

from aiohttp import ClientSession

from tests.streams.newsdesk import ONE, ROAD, Gateway, Newsdesk, Person
from tests.streams.reading import EVENT_STREAM, opened


async def ticket_for(
    gateway: Gateway, generation: str, person: Person, session: ClientSession
) -> dict[str, Any]:
    url = f"{gateway.url}{ONE}/{generation}/events/ticket"
    async with session.post(url, headers=person.reading) as answer:
        assert answer.status == 201
        assert answer.headers["Cache-Control"] == "no-store"
        return dict(await answer.json())


async def test_a_ticket_opens_the_stream_without_a_header(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    made = await ticket_for(gateway, generation, person, session)
    assert made["expires_in"] == 60
    assert made["url"] == f"{gateway.url}{ONE}/{generation}/events?ticket={made['ticket']}"
    async with opened(session, made["url"], {}) as stream:
        await stream.until("caught_up")
        await desk.travel(generation)
        assert (await stream.rest())[-1].event == "generation.completed"
    async with opened(session, made["url"], {}, last_id="3") as stream:
        frames = await stream.rest()
    assert [int(frame.id or 0) for frame in frames[:-1]] == [
        version for version, _ in await desk.shown(generation, 3)
    ]


async def test_a_ticket_opens_nothing_else_and_not_for_long(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation, other = await desk.generation(person), await desk.generation(person)
    ticket = (await ticket_for(gateway, generation, person, session))["ticket"]
    expires, _, signature = ticket.partition(".")
    swapped = ("0" if signature[0] != "0" else "1") + signature[1:]
    hostile = {
        "another generation": (other, ticket),
        "a longer life": (generation, f"{int(expires) + 3600}.{signature}"),
        "a changed signature": (generation, f"{expires}.{swapped}"),
        "no signature": (generation, expires),
        "nothing": (generation, ""),
        "no ASCII": (generation, f"{expires}.é"),
        "no number": (generation, f"-{ticket}"),
    }
    for name, (generation_id, word) in hostile.items():
        url = f"{gateway.url}{ONE}/{generation_id}/events"
        async with session.get(url, params={"ticket": word}, headers=EVENT_STREAM) as answer:
            assert (answer.status, (await answer.json())["code"]) == (401, "invalid_ticket"), name
    for path in ("", "/status", "/image"):
        async with session.get(f"{gateway.url}{ONE}/{generation}{path}", params={"ticket": ticket}) as answer:
            assert answer.status == 401, path
    desk.ahead = timedelta(seconds=61)
    url = f"{gateway.url}{ONE}/{generation}/events?ticket={ticket}"
    async with session.get(url, headers=EVENT_STREAM) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "invalid_ticket")


async def test_only_the_owner_gets_a_ticket(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    neighbour = await desk.person(gateway, beside=person)
    for headers, status in ((neighbour.reading, 404), ({}, 401), (person.developer, 403)):
        async with session.post(f"{gateway.url}{ONE}/{generation}/events/ticket", headers=headers) as answer:
            assert answer.status == status


async def test_a_page_of_an_allowed_origin_may_read_the_stream(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(cors=["https://studio.example"])
    generation = await desk.generation(person)
    await desk.travel(generation, ROAD)
    url = (await ticket_for(gateway, generation, person, session))["url"]
    origin = {"Origin": "https://studio.example", **EVENT_STREAM}
    async with session.get(url, headers=origin) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://studio.example"
    async with session.get(url, headers={**origin, "Origin": "https://elsewhere.example"}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
    asking = {
        "Origin": "https://studio.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    ticket = f"{gateway.url}{ONE}/{generation}/events/ticket"
    async with session.options(ticket, headers=asking) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://studio.example"
