"""Limits: many streams, slow clients."""

import asyncio
import socket
from contextlib import AsyncExitStack

from aiohttp import ClientSession

from events.invocation import GenerationProgressed
from tests.gateway.events.gateway_system import LIFECYCLE, PATH, EndUser, Gateway, GatewaySystem
from tests.gateway.events.sse_client import EVENT_STREAM, opened
from tests.systems.waiting import until

HUNDRED = [GenerationProgressed(percent=percent) for percent in range(100)]


def address(gateway: Gateway, generation: str) -> str:
    return f"{gateway.url}{PATH}/{generation}/events"


def open_unread(gateway: Gateway, generation: str, user: EndUser) -> socket.socket:
    """Request a stream and never read it."""
    host, port = gateway.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    head = f"GET {PATH}/{generation}/events?after=0 HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n"
    connection.sendall(f"{head}Authorization: {user.bearer['Authorization']}\r\n\r\n".encode())
    return connection


async def until_open(gateway: Gateway, count: int) -> None:
    await until(lambda: gateway.event_hub.connections.taken == count)


async def test_a_client_that_reads_nothing_is_disconnected_and_others_get_all_events(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation, LIFECYCLE[:4])
    async with opened(session, f"{address(gateway, generation)}?after=0", user.bearer) as stream:
        with open_unread(gateway, generation, user):
            await until_open(gateway, 2)

            async def write() -> None:
                for _ in range(30):
                    await system.append(generation, *HUNDRED)
                await until_open(gateway, 1)
                await system.append_all(generation, LIFECYCLE[5:])

            frames, _ = await asyncio.gather(stream.rest(), write())
    versions = [frame.data["version"] for frame in frames if frame.event.startswith("generation.")]
    assert versions == [version for version, _ in await system.visible_events(generation)]
    assert len(versions) > 3000


async def test_a_client_that_reads_nothing_is_disconnected_after_the_write_timeout(
    system: GatewaySystem, user: EndUser
) -> None:
    gateway = await system.start_gateway(buffer=64 * 1024 * 1024, write_timeout=1)
    generation = await system.start_generation(user)
    await system.append_all(generation, LIFECYCLE[:4])
    with open_unread(gateway, generation, user):
        await until_open(gateway, 1)
        for _ in range(30):
            await system.append(generation, *HUNDRED)
        await until_open(gateway, 0)


async def test_a_client_that_reads_nothing_while_it_catches_up_is_disconnected(
    system: GatewaySystem, user: EndUser
) -> None:
    gateway = await system.start_gateway(write_timeout=1)
    generation = await system.start_generation(user)
    await system.append_all(generation, LIFECYCLE[:4])
    for _ in range(30):
        await system.append(generation, *HUNDRED)
    with open_unread(gateway, generation, user):
        await until_open(gateway, 1)
        await until_open(gateway, 0)


async def test_streams_above_the_limit_of_an_account_are_refused_for_it_alone(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(per_holder=2)
    generation = await system.start_generation(user)
    url, headers = address(gateway, generation), {**user.bearer, **EVENT_STREAM}
    async with AsyncExitStack() as stack:
        for _ in range(2):
            stream = await stack.enter_async_context(opened(session, url, user.bearer))
            await stream.until("caught_up")
        async with session.get(url, headers=headers) as answer:
            body = await answer.json()
            assert (answer.status, body["code"]) == (429, "stream_limit_exceeded")
            assert answer.headers["Retry-After"] == str(body["retry_after"])
        async with session.get(url, headers=user.bearer) as answer:
            assert answer.status == 200, "a page is no stream"
        other_user = await system.register_user(gateway, beside=user)
        other = address(gateway, await system.start_generation(other_user))
        async with opened(session, other, other_user.bearer) as stream:
            await stream.until("caught_up")
    await until_open(gateway, 0)
    async with opened(session, url, user.bearer) as stream:
        await stream.until("caught_up")


async def test_streams_above_the_limit_of_a_developer_are_refused_for_them_and_their_users_alone(
    system: GatewaySystem, session: ClientSession
) -> None:
    gateway = await system.start_gateway(per_developer=2)
    first = await system.register_user(gateway)
    second, stranger = await system.register_user(gateway, beside=first), await system.register_user(gateway)
    own, project = f"{gateway.url}{PATH}/events", f"{gateway.url}/api/v1/projects/{first.project}/events"
    async with AsyncExitStack() as stack:
        for one in (first, second):
            await (await stack.enter_async_context(opened(session, own, one.bearer))).until("caught_up")
        for url, headers in ((own, second.bearer), (project, first.developer)):
            async with session.get(url, headers={**headers, **EVENT_STREAM}) as answer:
                assert (answer.status, (await answer.json())["code"]) == (429, "stream_limit_exceeded")
        async with session.post(f"{project}/ticket", headers=first.developer) as answer:
            ticket = (await answer.json())["ticket"]
        async with session.get(f"{project}?ticket={ticket}", headers=EVENT_STREAM) as answer:
            assert answer.status == 429
        async with opened(session, own, stranger.bearer) as stream:
            await stream.until("caught_up")
    await until_open(gateway, 0)
    async with opened(session, project, first.developer) as stream:
        await stream.until("caught_up")


async def test_a_closed_connection_frees_its_slot_for_an_immediate_reconnect(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(per_holder=2)
    url = address(gateway, await system.start_generation(user))
    for _ in range(8):
        async with AsyncExitStack() as stack:
            for _ in range(2):
                stream = await stack.enter_async_context(opened(session, url, user.bearer))
                await stream.until("caught_up")
    await until_open(gateway, 0)


async def test_a_long_poll_frees_its_slot_when_the_client_disconnects(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(per_holder=2)
    generation = await system.start_generation(user)
    url = f"{address(gateway, generation)}?after={(await system.visible_events(generation))[-1][0]}"

    async def poll(seconds: int) -> int:
        async with session.get(f"{url}&wait={seconds}", headers=user.bearer) as answer:
            return answer.status

    polls = [asyncio.create_task(poll(60)) for _ in range(2)]
    await until_open(gateway, 2)
    for given_up in polls:
        given_up.cancel()
    await asyncio.wait(polls)
    assert list(await asyncio.gather(poll(1), poll(1))) == [200, 200]


async def test_streams_above_the_limit_of_a_process_are_refused(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(per_process=1)
    generation = await system.start_generation(user)
    url = address(gateway, generation)
    headers = {**user.bearer, **EVENT_STREAM}
    async with opened(session, url, user.bearer), session.get(url, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (503, "server_busy")
        assert answer.headers["Retry-After"]


async def test_hundreds_of_clients_get_all_events_of_their_generation(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(per_holder=10_000)
    generations = [await system.start_generation(user) for _ in range(25)]
    gate = asyncio.Barrier(251)

    async def read(generation: str) -> tuple[str, list[int]]:
        async with opened(session, f"{address(gateway, generation)}?after=1", user.bearer) as stream:
            frames = await stream.until("caught_up")
            await gate.wait()
            frames += await stream.rest()
        return generation, [frame.data["version"] for frame in frames if frame.event.startswith("gener")]

    async def write() -> None:
        await gate.wait()
        for generation in generations:
            await system.append_all(generation)

    *outcomes, _ = await asyncio.gather(*(read(each) for each in generations * 10), write())
    expected = {each: [version for version, _ in await system.visible_events(each, 1)] for each in generations}
    assert all(versions == expected[each] for each, versions in outcomes)  # type: ignore[misc]
