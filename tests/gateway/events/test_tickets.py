"""Tickets: access for a browser's EventSource, which sends no headers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession

from domain.generation.generation import stream_of
from tests.gateway.events.gateway_system import LIFECYCLE, PATH, EndUser, Gateway, GatewaySystem
from tests.gateway.events.sse_client import EVENT_STREAM, opened


async def ticket_for(gateway: Gateway, generation: str, user: EndUser, session: ClientSession) -> dict[str, Any]:
    url = f"{gateway.url}{PATH}/{generation}/events/ticket"
    async with session.post(url, headers=user.bearer) as answer:
        assert answer.status == 201
        assert answer.headers["Cache-Control"] == "no-store"
        return dict(await answer.json())


def changed(ticket: str, at: int) -> str:
    """Change one character; the result differs in bits that count, also in the last one."""
    letter = "A" if ticket[at] not in "ABCD" else "z"
    return f"{ticket[:at]}{letter}{ticket[at + 1 :]}"


async def test_a_ticket_opens_the_stream_without_headers(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    made = await ticket_for(gateway, generation, user, session)
    assert made["expires_in"] == 60
    assert made["url"] == f"{gateway.url}{PATH}/{generation}/events?ticket={made['ticket']}"
    async with opened(session, made["url"], {}) as stream:
        await stream.until("caught_up")
        await system.append_all(generation)
        assert (await stream.rest())[-1].event == "generation.completed"
    async with opened(session, made["url"], {}, last_id="3") as stream:
        frames = await stream.rest()
    assert [int(frame.id or 0) for frame in frames[:-1]] == [
        version for version, _ in await system.visible_events(generation, 3)
    ]


async def test_an_altered_foreign_or_expired_ticket_opens_nothing(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation, other = await system.start_generation(user), await system.start_generation(user)
    ticket = (await ticket_for(gateway, generation, user, session))["ticket"]
    invalid = {
        "another generation": (other, ticket),
        **{f"changed at {at}": (generation, changed(ticket, at)) for at in range(0, len(ticket), 7)},
        "changed at the end": (generation, changed(ticket, len(ticket) - 1)),
        "shortened": (generation, ticket[:-1]),
        "empty": (generation, ""),
        "not ASCII": (generation, f"{ticket}é"),
        "prefixed": (generation, f"-{ticket}"),
        "too long": (generation, ticket * 8),
    }
    for name, (generation_id, text) in invalid.items():
        url = f"{gateway.url}{PATH}/{generation_id}/events"
        async with session.get(url, params={"ticket": text}, headers=EVENT_STREAM) as answer:
            assert (answer.status, (await answer.json())["code"]) == (401, "invalid_ticket"), name
    for path in ("", "/status", "/image"):
        async with session.get(f"{gateway.url}{PATH}/{generation}{path}", params={"ticket": ticket}) as answer:
            assert answer.status == 401, path
    system.clock.ahead = timedelta(seconds=61)
    url = f"{gateway.url}{PATH}/{generation}/events?ticket={ticket}"
    async with session.get(url, headers=EVENT_STREAM) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "invalid_ticket")


async def test_only_the_owner_gets_a_ticket(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    other_user = await system.register_user(gateway, beside=user)
    for headers, status in ((other_user.bearer, 404), ({}, 401), (user.developer, 403)):
        async with session.post(f"{gateway.url}{PATH}/{generation}/events/ticket", headers=headers) as answer:
            assert answer.status == status


async def written(session: ClientSession, gateway: Gateway, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    async with session.post(f"{gateway.url}{path}/ticket", headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return dict(await answer.json())


async def test_feeds_have_tickets(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    other_user = await system.register_user(gateway, beside=user)
    mine, other = await system.start_generation(user), await system.start_generation(other_user)
    await system.seal()
    for path, headers, expected in (
        (f"{PATH}/events", user.bearer, [mine]),
        (f"/api/v1/projects/{user.project}/events", user.developer, [mine, other]),
    ):
        made = await written(session, gateway, path, headers)
        assert made["url"] == f"{gateway.url}{path}?ticket={made['ticket']}"
        async with opened(session, f"{made['url']}&after=0", {}) as stream:
            *frames, caught_up = await stream.until("caught_up")
            assert [frame.data["subject"] for frame in frames] == [stream_of(one) for one in expected]
        async with opened(session, made["url"], {}, last_id=caught_up.id) as stream:
            assert [frame.event for frame in await stream.until("caught_up")] == ["caught_up"]


async def test_a_ticket_opens_one_resource_alone(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    elsewhere, generation = await system.register_user(gateway), await system.start_generation(user)
    project = f"/api/v1/projects/{user.project}/events"
    foreign = f"/api/v1/projects/{elsewhere.project}/events"
    paths = {
        f"{PATH}/{generation}/events": user.bearer,
        f"{PATH}/events": user.bearer,
        project: user.developer,
        foreign: elsewhere.developer,
    }
    tickets = {path: (await written(session, gateway, path, paths[path]))["ticket"] for path in paths}
    for path in paths:
        for owner, ticket in tickets.items():
            url = f"{gateway.url}{path}"
            async with session.get(url, params={"ticket": ticket}) as answer:
                assert answer.status == (200 if owner == path else 401), (path, owner)


async def test_a_ticket_for_a_feed_needs_access_to_it(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    elsewhere = await system.register_user(gateway)
    project = f"/api/v1/projects/{user.project}/events"
    for path, headers, status in (
        (f"{PATH}/events", {}, 401),
        (f"{PATH}/events", user.developer, 403),
        (project, {}, 401),
        (project, user.bearer, 403),
        (project, elsewhere.developer, 404),
    ):
        async with session.post(f"{gateway.url}{path}/ticket", headers=headers) as answer:
            assert answer.status == status, (path, status)


async def test_a_browser_page_of_an_allowed_origin_may_read_the_stream(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(cors=["https://studio.example"])
    generation = await system.start_generation(user)
    await system.append_all(generation, LIFECYCLE)
    url = (await ticket_for(gateway, generation, user, session))["url"]
    origin = {"Origin": "https://studio.example", **EVENT_STREAM}
    async with session.get(url, headers=origin) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://studio.example"
        readable = {"Cache-Control", "Content-Type", "Transfer-Encoding"}
        exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        others = {name for name in answer.headers if not name.startswith("Access-Control-")}
        assert others - readable <= exposed
    async with session.get(url, headers={**origin, "Origin": "https://elsewhere.example"}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
    headers = {
        "Origin": "https://studio.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    ticket = f"{gateway.url}{PATH}/{generation}/events/ticket"
    async with session.options(ticket, headers=headers) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://studio.example"
