"""The live stream of one generation, over real sockets."""

import asyncio
import random
from contextlib import AsyncExitStack
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from domain.generation.generation import stream_of
from events.generation import GenerationProgressed
from tests.gateway.events.newsdesk import (
    BEFORE_THE_END,
    ONE,
    PUBLISHED,
    ROAD,
    Gateway,
    Newsdesk,
    Person,
    until,
)
from tests.gateway.events.reading import EVENT_STREAM, Frame, Stream, opened


def address(gateway: Gateway, generation: str) -> str:
    return f"{gateway.url}{ONE}/{generation}/events"


def events_of(frames: list[Frame]) -> list[tuple[int, str]]:
    """The events among frames, each proven to say the same thrice: id, event and data."""
    events = [frame for frame in frames if frame.event.startswith("generation.")]
    for frame in events:
        assert (frame.id, frame.event) == (str(frame.data["version"]), frame.data["type"])
    return [(frame.data["version"], frame.event) for frame in events]


async def test_a_fresh_reader_gets_the_resource_then_what_happens_until_the_end(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation, BEFORE_THE_END[:3])
    async with opened(session, address(gateway, generation), person.reading) as stream:
        snapshot, caught_up = await stream.until("caught_up")
        assert (snapshot.id, snapshot.event) == ("4", "snapshot")
        assert (snapshot.data["id"], snapshot.data["version"]) == (generation, 4)
        assert caught_up == Frame(None, "caught_up", {"version": 4})
        assert stream.retry == 2000
        await desk.travel(generation, ROAD[3:])
        assert events_of(await stream.rest()) == await desk.shown(generation, after=4)


async def test_the_end_closes_the_stream_and_a_reader_that_comes_back_gets_204(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation)
    url = address(gateway, generation)
    async with opened(session, url, person.reading) as stream:
        frames = await stream.rest()
        assert [frame.event for frame in frames] == ["snapshot", "caught_up"]
    headers = {**person.reading, **EVENT_STREAM, "Last-Event-ID": frames[0].id or ""}
    async with session.get(url, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    await desk.happen(generation, *PUBLISHED)
    async with opened(session, url, person.reading, last_id=frames[0].id) as stream:
        news = await stream.rest()
        assert [frame.event for frame in news] == ["generation.published", "caught_up"]
    async with session.get(url, headers={**headers, "Last-Event-ID": news[0].id or ""}) as answer:
        assert answer.status == 204


@pytest.mark.parametrize("seed", range(6))
async def test_readers_that_come_and_go_get_every_event_exactly_once(
    desk: Newsdesk, person: Person, session: ClientSession, gateway: Gateway, seed: int
) -> None:
    """Three gateways, of which one hears no wake-up; readers leave in the middle and go to another one."""
    chance = random.Random(seed)
    gateways = [gateway, await desk.gateway(), await desk.gateway(woken=False, poll=0.1)]
    generation = await desk.generation(person)

    async def read() -> list[tuple[int, str]]:
        events: list[tuple[int, str]] = []
        while not events or events[-1][1] != "generation.completed":
            last_id = str(events[-1][0]) if events else "0"
            url = address(chance.choice(gateways), generation)
            leaves_after = chance.randrange(1, 6)
            async with opened(session, url, person.reading, last_id=last_id) as stream:
                while leaves_after and (frame := await stream.next()):
                    events += events_of([frame])
                    leaves_after -= frame.event != "caught_up"
        return events

    async def write() -> None:
        for commit in [*BEFORE_THE_END[:-1], *[(GenerationProgressed(percent=60),)] * 12, *ROAD[5:]]:
            await desk.happen(generation, *commit)

    *read_by, _ = await asyncio.gather(*(read() for _ in range(8)), write())
    expected = await desk.shown(generation)
    assert all(events == expected for events in read_by)


async def test_a_reader_goes_on_at_a_gateway_that_was_started_anew(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation, BEFORE_THE_END[:4])
    async with opened(session, f"{address(gateway, generation)}?after=0", person.reading) as stream:
        before = await stream.until("caught_up")
        stopping = asyncio.create_task(gateway.stop())
        goodbye = await stream.rest()
        assert goodbye == [Frame(None, "goodbye", {"reason": "shutdown"})]
    await stopping
    await desk.travel(generation, ROAD[4:])
    again = await desk.gateway()
    last_id = before[-2].id
    async with opened(session, address(again, generation), person.reading, last_id=last_id) as stream:
        after = await stream.rest()
    assert events_of(before) + events_of(after) == await desk.shown(generation)


async def test_what_no_wake_up_tells_of_arrives_all_the_same(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    deaf = await desk.gateway(woken=False, poll=0.2)
    generations = [await desk.generation(person) for _ in range(5)]
    received: list[list[tuple[int, str]]] = []

    async def read(generation: str) -> None:
        async with opened(session, f"{address(deaf, generation)}?after=0", person.reading) as stream:
            received.append(events_of(await stream.rest()))

    await asyncio.gather(*map(read, generations), *map(desk.travel, generations))
    expected = [await desk.shown(generation) for generation in generations]
    # Nothing that its owner sees comes behind the completion here.
    assert sorted(received) == sorted(expected)


@pytest.mark.parametrize("position", ["99", "-1", "garbage", "3.5", "٣", "9" * 40, "' OR 1"])
async def test_an_unknown_position_gets_a_reset_and_the_resource(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession, position: str
) -> None:
    generation = await desk.generation(person)
    url = f"{address(gateway, generation)}?after={quote(position)}"
    async with opened(session, url, person.reading) as stream:
        frames = await stream.until("caught_up")
    assert [frame.event for frame in frames] == ["reset", "snapshot", "caught_up"]
    assert (frames[1].id, frames[1].data["id"]) == ("1", generation)


async def test_anybody_else_sees_nothing_that_differs_from_an_unknown_id(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    neighbour, stranger = await desk.person(gateway, beside=person), await desk.person(gateway)
    for other in (neighbour, stranger):
        for form in ("text/event-stream", "application/json", "application/x-ndjson"):
            headers = {**other.reading, "Accept": form, "Last-Event-ID": "0"}
            async with session.get(address(gateway, generation), headers=headers) as answer:
                assert (answer.status, (await answer.json())["code"]) == (404, "not_found")
    async with session.get(address(gateway, generation), headers=EVENT_STREAM) as answer:
        assert answer.status == 401


async def test_a_silent_stream_is_kept_alive_and_says_goodbye_when_its_time_is_over(
    desk: Newsdesk, person: Person, session: ClientSession
) -> None:
    gateway = await desk.gateway(keep_alive=0.5, max_life=3)
    generation = await desk.generation(person)
    async with opened(session, address(gateway, generation), person.reading) as stream:
        frames = await stream.rest()
    assert frames[-1] == Frame(None, "goodbye", {"reason": "max_life"})
    assert stream.comments >= 1
    assert not gateway.event_hub.broadcaster.listened


async def test_a_reader_that_left_is_forgotten(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    async with opened(session, address(gateway, generation), person.reading) as stream:
        await stream.until("caught_up")
        assert gateway.event_hub.broadcaster.listened == {stream_of(generation)}
    await until(lambda: not (gateway.event_hub.broadcaster.listened or gateway.event_hub.connections.taken))


async def test_a_deleted_generation_has_no_stream(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    generation = await desk.generation(person)
    await desk.travel(generation)
    async with session.delete(f"{gateway.url}{ONE}/{generation}", headers=person.headers) as answer:
        assert answer.status < 300
    headers = {**person.reading, **EVENT_STREAM}
    async with session.get(address(gateway, generation), headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (410, "gone")


async def test_a_commit_that_this_code_cannot_read_holds_up_no_other_stream(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    """As when newer code has written it while an older gateway still runs."""
    odd, sound = await desk.generation(person), [await desk.generation(person) for _ in range(4)]
    streams = [opened(session, f"{address(gateway, each)}?after=0", person.reading) for each in (odd, *sound)]
    async with AsyncExitStack() as stack:
        _, *readers = [await stack.enter_async_context(stream) for stream in streams]
        commits = desk.store.database.get_collection("commits")
        unknown = {"_id": f"{stream_of(odd)}:2", "stream": stream_of(odd), "first": 2, "last": 2}
        await commits.insert_one({**unknown, "body": b'[{"type":"generation.dreamt"}]', "writer": "newer"})
        gateway.event_hub.broadcaster.look()
        reading = asyncio.gather(*(reader.rest() for reader in readers))
        await asyncio.gather(*map(desk.travel, sound))
        received = await reading
    assert [events_of(frames) for frames in received] == [await desk.shown(each) for each in sound]


@pytest.mark.parametrize("position", ["999", "99999999999", "garbage", "-1"])
async def test_a_browser_beyond_the_end_of_a_finished_generation_is_reset_once_and_then_stops(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession, position: str
) -> None:
    """As EventSource does: it comes back with the last id that it was given, until 204 stops it."""
    generation = await desk.generation(person)
    await desk.travel(generation)
    last: str | None = position
    seen: list[list[str]] = []
    while len(seen) < 5:
        headers = {**person.reading, **EVENT_STREAM, **({"Last-Event-ID": last} if last else {})}
        async with session.get(address(gateway, generation), headers=headers) as answer:
            if answer.status == 204:
                break
            frames = await Stream(answer).rest()
        last = next((frame.id for frame in reversed(frames) if frame.id), last)
        seen.append([frame.event for frame in frames])
    assert seen == [["reset", "snapshot", "caught_up"]]
