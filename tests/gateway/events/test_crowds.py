"""Many readers, greedy readers and slow readers."""

import asyncio
import socket
from contextlib import AsyncExitStack

from aiohttp import ClientSession

from events.invocation import GenerationProgressed
from tests.gateway.events.newsdesk import ONE, ROAD, Gateway, Newsdesk, Person, until
from tests.gateway.events.reading import EVENT_STREAM, opened

HUNDRED = [GenerationProgressed(percent=percent) for percent in range(100)]


def address(gateway: Gateway, generation: str) -> str:
    return f"{gateway.url}{ONE}/{generation}/events"


def sleeper(gateway: Gateway, generation: str, person: Person) -> socket.socket:
    """Ask for a stream and never read it."""
    host, port = gateway.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    head = f"GET {ONE}/{generation}/events?after=0 HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n"
    connection.sendall(f"{head}Authorization: {person.reading['Authorization']}\r\n\r\n".encode())
    return connection


async def until_open(gateway: Gateway, count: int) -> None:
    await until(lambda: gateway.event_hub.connections.taken == count)


async def test_a_reader_that_sleeps_is_dropped_and_the_others_get_everything(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation, ROAD[:4])
    async with opened(session, f"{address(gateway, generation)}?after=0", person.reading) as stream:
        with sleeper(gateway, generation, person):
            await until_open(gateway, 2)

            async def write() -> None:
                for _ in range(30):
                    await desk.happen(generation, *HUNDRED)
                await until_open(gateway, 1)
                await desk.travel(generation, ROAD[5:])

            frames, _ = await asyncio.gather(stream.rest(), write())
    versions = [frame.data["version"] for frame in frames if frame.event.startswith("generation.")]
    assert versions == [version for version, _ in await desk.shown(generation)]
    assert len(versions) > 3000


async def test_a_reader_that_takes_no_byte_is_dropped_when_patience_ends(
    desk: Newsdesk, person: Person
) -> None:
    gateway = await desk.gateway(buffer=64 * 1024 * 1024, write_timeout=1)
    generation = await desk.generation(person)
    await desk.travel(generation, ROAD[:4])
    with sleeper(gateway, generation, person):
        await until_open(gateway, 1)
        for _ in range(30):
            await desk.happen(generation, *HUNDRED)
        await until_open(gateway, 0)


async def test_a_reader_that_sleeps_while_it_is_caught_up_is_dropped_too(
    desk: Newsdesk, person: Person
) -> None:
    gateway = await desk.gateway(write_timeout=1)
    generation = await desk.generation(person)
    await desk.travel(generation, ROAD[:4])
    for _ in range(30):
        await desk.happen(generation, *HUNDRED)
    with sleeper(gateway, generation, person):
        await until_open(gateway, 1)
        await until_open(gateway, 0)


async def test_an_account_may_have_so_many_streams_and_another_one_is_not_concerned(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(per_holder=2)
    generation = await desk.generation(person)
    url, asking = address(gateway, generation), {**person.reading, **EVENT_STREAM}
    async with AsyncExitStack() as stack:
        for _ in range(2):
            stream = await stack.enter_async_context(opened(session, url, person.reading))
            await stream.until("caught_up")
        async with session.get(url, headers=asking) as answer:
            body = await answer.json()
            assert (answer.status, body["code"]) == (429, "stream_limit_exceeded")
            assert answer.headers["Retry-After"] == str(body["retry_after"])
        async with session.get(url, headers=person.reading) as answer:
            assert answer.status == 200, "a page is no stream"
        neighbour = await desk.person(gateway, beside=person)
        other = address(gateway, await desk.generation(neighbour))
        async with opened(session, other, neighbour.reading) as stream:
            await stream.until("caught_up")
    await until_open(gateway, 0)
    async with opened(session, url, person.reading) as stream:
        await stream.until("caught_up")


async def test_a_reader_that_hangs_up_and_comes_back_at_once_finds_his_seat_free(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(per_holder=2)
    url = address(gateway, await desk.generation(person))
    for _ in range(8):
        async with AsyncExitStack() as stack:
            for _ in range(2):
                stream = await stack.enter_async_context(opened(session, url, person.reading))
                await stream.until("caught_up")
    await until_open(gateway, 0)


async def test_a_long_poll_whose_client_has_hung_up_keeps_no_seat(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(per_holder=2)
    generation = await desk.generation(person)
    url = f"{address(gateway, generation)}?after={(await desk.shown(generation))[-1][0]}"

    async def poll(seconds: int) -> int:
        async with session.get(f"{url}&wait={seconds}", headers=person.reading) as answer:
            return answer.status

    polls = [asyncio.create_task(poll(60)) for _ in range(2)]
    await until_open(gateway, 2)
    for given_up in polls:
        given_up.cancel()
    await asyncio.wait(polls)
    assert list(await asyncio.gather(poll(1), poll(1))) == [200, 200]


async def test_a_process_has_room_for_so_many_streams(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(per_process=1)
    generation = await desk.generation(person)
    url = address(gateway, generation)
    asking = {**person.reading, **EVENT_STREAM}
    async with opened(session, url, person.reading), session.get(url, headers=asking) as answer:
        assert (answer.status, (await answer.json())["code"]) == (503, "server_busy")
        assert answer.headers["Retry-After"]


async def test_hundreds_of_readers_of_many_generations_each_get_their_own_and_all_of_it(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(per_holder=10_000)
    generations = [await desk.generation(person) for _ in range(50)]
    gate = asyncio.Barrier(501)

    async def read(generation: str) -> tuple[str, list[int]]:
        async with opened(session, f"{address(gateway, generation)}?after=1", person.reading) as stream:
            frames = await stream.until("caught_up")
            await gate.wait()
            frames += await stream.rest()
        return generation, [frame.data["version"] for frame in frames if frame.event.startswith("gener")]

    async def write() -> None:
        await gate.wait()
        for generation in generations:
            await desk.travel(generation)

    *outcomes, _ = await asyncio.gather(*(read(each) for each in generations * 10), write())
    expected = {each: [version for version, _ in await desk.shown(each, 1)] for each in generations}
    assert all(versions == expected[each] for each, versions in outcomes)  # type: ignore[misc]
