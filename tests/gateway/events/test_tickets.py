"""A browser's EventSource sends no headers: it comes with a ticket."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession

from domain.generation.generation import stream_of
from tests.gateway.events.newsdesk import ONE, ROAD, Gateway, Newsdesk, Person
from tests.gateway.events.reading import EVENT_STREAM, opened


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
    told, _, signature = ticket.partition(".")
    swapped = ("A" if signature[0] != "A" else "B") + signature[1:]
    expires, *issuer = json.loads(urlsafe_b64decode(told + "=="))
    longer = urlsafe_b64encode(json.dumps([expires + 3600, *issuer]).encode()).decode().rstrip("=")
    hostile = {
        "another generation": (other, ticket),
        "a longer life": (generation, f"{longer}.{signature}"),
        "a changed signature": (generation, f"{told}.{swapped}"),
        "no signature": (generation, told),
        "nothing": (generation, ""),
        "no ASCII": (generation, f"{told}.é"),
        "something before": (generation, f"-{ticket}"),
        "endless": (generation, ticket * 8),
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


async def written(
    session: ClientSession, gateway: Gateway, path: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    async with session.post(f"{gateway.url}{path}/ticket", headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return dict(await answer.json())


async def test_wider_streams_have_tickets_of_their_own(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    neighbour = await desk.person(gateway, beside=person)
    mine, other = await desk.generation(person), await desk.generation(neighbour)
    await desk.seal()
    for path, headers, expected in (
        (f"{ONE}/events", person.reading, [mine]),
        (f"/api/v1/projects/{person.project}/events", person.developer, [mine, other]),
    ):
        made = await written(session, gateway, path, headers)
        assert made["url"] == f"{gateway.url}{path}?ticket={made['ticket']}"
        async with opened(session, f"{made['url']}&after=0", {}) as stream:
            *frames, caught_up = await stream.until("caught_up")
            assert [frame.data["subject"] for frame in frames] == [stream_of(one) for one in expected]
        async with opened(session, made["url"], {}, last_id=caught_up.id) as stream:
            assert [frame.event for frame in await stream.until("caught_up")] == ["caught_up"]


async def test_a_ticket_of_one_resource_opens_no_other(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    elsewhere, generation = await desk.person(gateway), await desk.generation(person)
    project = f"/api/v1/projects/{person.project}/events"
    foreign = f"/api/v1/projects/{elsewhere.project}/events"
    paths = {
        f"{ONE}/{generation}/events": person.reading,
        f"{ONE}/events": person.reading,
        project: person.developer,
        foreign: elsewhere.developer,
    }
    tickets = {path: (await written(session, gateway, path, paths[path]))["ticket"] for path in paths}
    for path in paths:
        for owner, ticket in tickets.items():
            url = f"{gateway.url}{path}"
            async with session.get(url, params={"ticket": ticket}) as answer:
                assert answer.status == (200 if owner == path else 401), (path, owner)


async def test_only_who_may_read_a_wider_stream_gets_a_ticket_for_it(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    elsewhere = await desk.person(gateway)
    project = f"/api/v1/projects/{person.project}/events"
    for path, headers, status in (
        (f"{ONE}/events", {}, 401),
        (f"{ONE}/events", person.developer, 403),
        (project, {}, 401),
        (project, person.reading, 403),
        (project, elsewhere.developer, 404),
    ):
        async with session.post(f"{gateway.url}{path}/ticket", headers=headers) as answer:
            assert answer.status == status, (path, status)


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
