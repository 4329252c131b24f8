"""The live stream of one generation, over real sockets."""

import asyncio
import random
from contextlib import AsyncExitStack
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from domain.generation.generation import stream_of
from events.invocation import GenerationProgressed
from tests.gateway.events.gateway_system import (
    BEFORE_COMPLETION,
    LIFECYCLE,
    PATH,
    PUBLISHED,
    EndUser,
    Gateway,
    GatewaySystem,
)
from tests.gateway.events.sse_client import EVENT_STREAM, Frame, Stream, opened
from tests.systems.waiting import until


def address(gateway: Gateway, generation: str) -> str:
    return f"{gateway.url}{PATH}/{generation}/events"


def events_of(frames: list[Frame]) -> list[tuple[int, str]]:
    """The events among frames, after a check that id, event and data agree."""
    events = [frame for frame in frames if frame.event.startswith("generation.")]
    for frame in events:
        assert (frame.id, frame.event) == (str(frame.data["version"]), frame.data["type"])
    return [(frame.data["version"], frame.event) for frame in events]


async def test_a_new_client_gets_a_snapshot_then_live_events_to_the_end(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation, BEFORE_COMPLETION[:3])
    async with opened(session, address(gateway, generation), user.bearer) as stream:
        snapshot, caught_up = await stream.until("caught_up")
        assert (snapshot.id, snapshot.event) == ("4", "snapshot")
        assert (snapshot.data["id"], snapshot.data["version"]) == (generation, 4)
        assert caught_up == Frame(None, "caught_up", {"version": 4})
        assert stream.retry == 2000
        await system.append_all(generation, LIFECYCLE[3:])
        assert events_of(await stream.rest()) == await system.visible_events(generation, after=4)


async def test_the_final_event_ends_the_stream_and_a_reconnect_gets_204(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation)
    url = address(gateway, generation)
    async with opened(session, url, user.bearer) as stream:
        frames = await stream.rest()
        assert [frame.event for frame in frames] == ["snapshot", "caught_up"]
    headers = {**user.bearer, **EVENT_STREAM, "Last-Event-ID": frames[0].id or ""}
    async with session.get(url, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    await system.append(generation, *PUBLISHED)
    async with opened(session, url, user.bearer, last_id=frames[0].id) as stream:
        later = await stream.rest()
        assert [frame.event for frame in later] == ["generation.published", "caught_up"]
    async with session.get(url, headers={**headers, "Last-Event-ID": later[0].id or ""}) as answer:
        assert answer.status == 204


@pytest.mark.parametrize("seed", range(6))
async def test_clients_that_reconnect_get_every_event_exactly_once(
    system: GatewaySystem, user: EndUser, session: ClientSession, gateway: Gateway, seed: int
) -> None:
    """Three gateways, one without wake-ups; clients disconnect midway and reconnect to any of them."""
    chance = random.Random(seed)
    gateways = [gateway, await system.start_gateway(), await system.start_gateway(woken=False, poll=0.1)]
    generation = await system.start_generation(user)

    async def read() -> list[tuple[int, str]]:
        events: list[tuple[int, str]] = []
        while not events or events[-1][1] != "generation.completed":
            last_id = str(events[-1][0]) if events else "0"
            url = address(chance.choice(gateways), generation)
            disconnect_after = chance.randrange(1, 6)
            async with opened(session, url, user.bearer, last_id=last_id) as stream:
                while disconnect_after and (frame := await stream.next()):
                    events += events_of([frame])
                    disconnect_after -= frame.event != "caught_up"
        return events

    async def write() -> None:
        for commit in [*BEFORE_COMPLETION[:-1], *[(GenerationProgressed(percent=60),)] * 12, *LIFECYCLE[5:]]:
            await system.append(generation, *commit)

    *read_by, _ = await asyncio.gather(*(read() for _ in range(8)), write())
    expected = await system.visible_events(generation)
    assert all(events == expected for events in read_by)


async def test_a_stopping_gateway_ends_a_new_stream_so_that_browsers_connect_again(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    gateway.event_hub.connections.drain()
    async with opened(session, address(gateway, generation), user.bearer) as stream:
        assert [frame.event for frame in await stream.rest()] == ["snapshot", "caught_up"]


async def test_a_client_resumes_at_a_restarted_gateway(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation, BEFORE_COMPLETION[:4])
    async with opened(session, f"{address(gateway, generation)}?after=0", user.bearer) as stream:
        before = await stream.until("caught_up")
        stopping = asyncio.create_task(gateway.stop())
        goodbye = await stream.rest()
        assert goodbye == [Frame(None, "goodbye", {"reason": "shutdown"})]
    await stopping
    await system.append_all(generation, LIFECYCLE[4:])
    again = await system.start_gateway()
    last_id = before[-2].id
    async with opened(session, address(again, generation), user.bearer, last_id=last_id) as stream:
        after = await stream.rest()
    assert events_of(before) + events_of(after) == await system.visible_events(generation)


async def test_events_without_a_wake_up_are_delivered(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    unwoken = await system.start_gateway(woken=False, poll=0.2)
    generations = [await system.start_generation(user) for _ in range(5)]
    received: list[list[tuple[int, str]]] = []

    async def read(generation: str) -> None:
        async with opened(session, f"{address(unwoken, generation)}?after=0", user.bearer) as stream:
            received.append(events_of(await stream.rest()))

    await asyncio.gather(*map(read, generations), *map(system.append_all, generations))
    expected = [await system.visible_events(generation) for generation in generations]
    # No visible event follows the completion here.
    assert sorted(received) == sorted(expected)


@pytest.mark.parametrize("position", ["99", "-1", "garbage", "3.5", "٣", "9" * 40, "' OR 1"])
async def test_an_unknown_position_gets_a_reset_and_the_resource(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, position: str
) -> None:
    generation = await system.start_generation(user)
    url = f"{address(gateway, generation)}?after={quote(position)}"
    async with opened(session, url, user.bearer) as stream:
        frames = await stream.until("caught_up")
    assert [frame.event for frame in frames] == ["reset", "snapshot", "caught_up"]
    assert (frames[1].id, frames[1].data["id"]) == ("1", generation)


async def test_another_users_generation_is_not_found(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    other_user, foreign_user = (
        await system.register_user(gateway, beside=user),
        await system.register_user(gateway),
    )
    for other in (other_user, foreign_user):
        for form in ("text/event-stream", "application/json", "application/x-ndjson"):
            headers = {**other.bearer, "Accept": form, "Last-Event-ID": "0"}
            async with session.get(address(gateway, generation), headers=headers) as answer:
                assert (answer.status, (await answer.json())["code"]) == (404, "not_found")
    async with session.get(address(gateway, generation), headers=EVENT_STREAM) as answer:
        assert answer.status == 401


async def test_a_silent_stream_gets_comments_and_ends_after_its_longest_life(
    system: GatewaySystem, user: EndUser, session: ClientSession
) -> None:
    gateway = await system.start_gateway(keep_alive=0.5, max_life=3)
    generation = await system.start_generation(user)
    async with opened(session, address(gateway, generation), user.bearer) as stream:
        frames = await stream.rest()
    assert frames[-1] == Frame(None, "goodbye", {"reason": "max_life"})
    assert stream.comments >= 1
    assert not gateway.event_hub.broadcaster.watched


async def test_a_disconnected_client_is_removed(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    async with opened(session, address(gateway, generation), user.bearer) as stream:
        await stream.until("caught_up")
        assert gateway.event_hub.broadcaster.watched == {stream_of(generation)}
    await until(lambda: not (gateway.event_hub.broadcaster.watched or gateway.event_hub.connections.taken))


async def test_a_deleted_generation_has_no_stream(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    await system.append_all(generation)
    async with session.delete(f"{gateway.url}{PATH}/{generation}", headers=user.headers) as answer:
        assert answer.status < 300
    headers = {**user.bearer, **EVENT_STREAM}
    async with session.get(address(gateway, generation), headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (410, "gone")


async def test_an_unreadable_commit_delays_no_other_stream(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    """Such as one that a newer process has written."""
    odd, sound = await system.start_generation(user), [await system.start_generation(user) for _ in range(4)]
    streams = [opened(session, f"{address(gateway, each)}?after=0", user.bearer) for each in (odd, *sound)]
    async with AsyncExitStack() as stack:
        _, *readers = [await stack.enter_async_context(stream) for stream in streams]
        commits = system.store.database.get_collection("commits")
        unknown = {"_id": f"{stream_of(odd)}:2", "stream": stream_of(odd), "first": 2, "last": 2}
        await commits.insert_one({**unknown, "body": b'[{"type":"generation.dreamt"}]', "writer": "newer"})
        gateway.event_hub.broadcaster.wake_all()
        reading = asyncio.gather(*(reader.rest() for reader in readers))
        await asyncio.gather(*map(system.append_all, sound))
        received = await reading
    assert [events_of(frames) for frames in received] == [await system.visible_events(each) for each in sound]


@pytest.mark.parametrize("position", ["999", "99999999999", "garbage", "-1"])
async def test_an_event_source_after_the_end_is_reset_once_and_then_stops(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, position: str
) -> None:
    """EventSource reconnects with the last id that it got, until a 204."""
    generation = await system.start_generation(user)
    await system.append_all(generation)
    last: str | None = position
    seen: list[list[str]] = []
    while len(seen) < 5:
        headers = {**user.bearer, **EVENT_STREAM, **({"Last-Event-ID": last} if last else {})}
        async with session.get(address(gateway, generation), headers=headers) as answer:
            if answer.status == 204:
                break
            frames = await Stream(answer).rest()
        last = next((frame.id for frame in reversed(frames) if frame.id), last)
        seen.append([frame.event for frame in frames])
    assert seen == [["reset", "snapshot", "caught_up"]]
