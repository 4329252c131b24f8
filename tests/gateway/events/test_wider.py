"""The streams of many generations: all of a user's own, and all of a project for its developer."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from aiohttp import ClientSession

from tests.gateway.events.newsdesk import ONE, ROAD, Gateway, Newsdesk, Person, until
from tests.gateway.events.reading import EVENT_STREAM, Frame, opened

Seen = list[tuple[str, int]]
SHOWN = ("requested", "validated", "started", *["progressed"] * 3, "completed")  # of one generation


def own(gateway: Gateway) -> str:
    return f"{gateway.url}{ONE}/events"


def whole(gateway: Gateway, person: Person) -> str:
    return f"{gateway.url}/api/v1/projects/{person.project}/events"


def seen_in(frames: Sequence[Frame]) -> Seen:
    return [
        (frame.data["stream"], frame.data["version"])
        for frame in frames
        if frame.event.startswith("generation.")
    ]


async def test_all_of_mine_arrive_in_sealed_order_and_nothing_of_anybody_else(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    neighbour, stranger = await desk.person(gateway, beside=person), await desk.person(gateway)
    for somebody in (person, neighbour, stranger, person):
        await desk.travel(await desk.generation(somebody), ROAD[:3])
    await desk.seal()
    async with opened(session, f"{own(gateway)}?after=0", person.reading) as stream:
        frames = await stream.until("caught_up")
        for somebody in (stranger, person, neighbour):
            await desk.travel(await desk.generation(somebody), ROAD[:4])
        await desk.seal()
        expected = await desk.sealed(person.project, person.user)
        while len(seen_in(frames)) < len(expected):
            frame = await stream.next()
            assert frame is not None
            frames.append(frame)
    assert seen_in(frames) == expected
    # 3 of mine in 3 projects' worth of traffic: 2 of the first road, then 5 of the second.
    assert len(expected) == 2 * 2 + 5


async def test_a_developer_sees_all_users_of_his_project_and_no_other_project(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    neighbour, stranger = await desk.person(gateway, beside=person), await desk.person(gateway)
    for somebody in (person, neighbour, stranger):
        await desk.travel(await desk.generation(somebody))
    await desk.seal()
    async with opened(session, f"{whole(gateway, person)}?after=0", person.developer) as stream:
        frames = await stream.until("caught_up")
    assert seen_in(frames) == await desk.sealed(person.project)
    assert not any("actor" in frame.data for frame in frames)
    for headers, code in ((stranger.developer, 404), (person.reading, 403), ({}, 401)):
        async with session.get(whole(gateway, person), headers={**headers, **EVENT_STREAM}) as answer:
            assert answer.status == code


async def write(desk: Newsdesk, owners: Sequence[Person], chance: random.Random) -> None:
    """Let a generation of each owner go all its way, in steps of random order."""
    generations = [await desk.generation(owner) for owner in owners]
    for events in ROAD:
        chance.shuffle(generations)
        for generation in generations:
            await desk.happen(generation, *events)
        await desk.seal()


@pytest.mark.parametrize("seed", range(4))
async def test_readers_that_come_and_go_between_gateways_get_every_event_exactly_once(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession, seed: int
) -> None:
    chance = random.Random(seed)
    gateways = [gateway, await desk.gateway(woken=False, tail=0.05)]
    people = [person, await desk.person(gateway, beside=person), await desk.person(gateway)]
    owners = [chance.choice(people) for _ in range(6)]

    async def read(path: str, headers: dict[str, str], *mine: Person) -> Seen:
        """Read with random departures until everything of mine has come."""
        seen: Seen = []
        last_id = "0"
        expected = sum(owner in mine for owner in owners) * len(SHOWN)
        while len(seen) < expected:
            leaves_after = chance.randrange(1, 8)
            url = chance.choice(gateways).url + path
            async with opened(session, url, headers, last_id=last_id) as stream:
                while leaves_after and len(seen) < expected and (frame := await stream.next()):
                    assert frame.event != "reset"
                    seen += seen_in([frame])
                    last_id = frame.id or last_id
                    leaves_after -= 1
        return seen

    project = f"/api/v1/projects/{person.project}/events"
    *seen, _ = await asyncio.gather(
        read(f"{ONE}/events", people[0].reading, people[0]),
        read(f"{ONE}/events", people[1].reading, people[1]),
        read(project, person.developer, people[0], people[1]),
        write(desk, owners, chance),
    )
    truths = [
        await desk.sealed(person.project, people[0].user),
        await desk.sealed(person.project, people[1].user),
        await desk.sealed(person.project),
    ]
    for events, truth in zip(seen, truths, strict=True):
        assert events == truth


async def test_a_fresh_reader_gets_what_moved_last_as_it_is_now(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    old, new = await desk.generation(person), await desk.generation(person)
    await desk.travel(new, ROAD[:2])
    await desk.seal()
    await desk.travel(old)
    async with opened(session, own(gateway), person.reading) as stream:
        snapshot, caught_up = await stream.until("caught_up")
        assert snapshot.event == "snapshot"
        shown = {each["id"]: (each["status"], each["version"]) for each in snapshot.data["generations"]}
        assert shown == {new: ("pending", 3), old: ("completed", 11)}
        assert caught_up.id
        await desk.seal()
        frames = await stream.until("generation.completed")
    # What was not sealed yet comes all the same: a snapshot may run ahead, an event is never left out.
    assert seen_in(frames) == (await desk.sealed(person.project, person.user))[3:]


async def test_a_foreign_or_forged_cursor_gets_a_reset_and_a_snapshot_of_ones_own(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    stranger = await desk.person(gateway)
    mine, foreign = await desk.generation(person), await desk.generation(stranger)
    await desk.seal()
    async with opened(session, own(gateway), stranger.reading) as stream:
        stolen = (await stream.until("caught_up"))[-1].id or ""
    async with opened(session, whole(gateway, person), person.developer) as stream:
        wider = (await stream.until("caught_up"))[-1].id or ""
    flipped = ("B" if stolen[0] == "A" else "A") + stolen[1:]
    for position in (stolen, wider, flipped, "5", "garbage", stolen + "A"):
        async with opened(session, own(gateway), person.reading, last_id=position) as stream:
            frames = await stream.until("caught_up")
        assert [frame.event for frame in frames] == ["reset", "snapshot", "caught_up"]
        assert [each["id"] for each in frames[1].data["generations"]] == [mine]
        assert foreign not in str(frames)


async def test_a_cursor_of_a_moment_ago_continues_after_a_restart_of_everything(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    await desk.travel(await desk.generation(person), ROAD[:4])
    await desk.seal()
    async with opened(session, f"{own(gateway)}?after=0", person.reading) as stream:
        before = await stream.until("caught_up")
        stopping = asyncio.create_task(gateway.stop())
        assert [frame.event for frame in await stream.rest()] == ["goodbye"]
    await stopping
    await desk.travel(await desk.generation(person))
    await desk.seal()
    again = await desk.gateway()
    async with opened(session, own(again), person.reading, last_id=before[-1].id) as stream:
        after = await stream.until("caught_up")
    assert seen_in([*before, *after]) == await desk.sealed(person.project, person.user)


async def test_pages_lead_through_everything_and_wait_at_the_end(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    for _ in range(4):
        await desk.travel(await desk.generation(person))
    await desk.seal()
    seen: Seen = []
    cursor, more = "0", True
    while more:
        url = f"{own(gateway)}?after={cursor}&limit=7"
        async with session.get(url, headers=person.reading) as answer:
            page = await answer.json()
        seen += [(event["stream"], event["version"]) for event in page["events"]]
        cursor, more = page["cursor"], page["more"]
    assert seen == await desk.sealed(person.project, person.user)
    async with session.get(f"{own(gateway)}?limit=500", headers=person.reading) as answer:
        last_but_two = (await answer.json())["events"][-3]
    resumed = f"{own(gateway)}?after={last_but_two['cursor']}"
    async with session.get(resumed, headers=person.reading) as answer:
        assert [(each["stream"], each["version"]) for each in (await answer.json())["events"]] == seen[-2:]
    waiting = asyncio.create_task(
        session.get(f"{own(gateway)}?after={cursor}&wait=30", headers=person.reading)
    )
    await until(lambda: bool(gateway.event_hub.feeds.followed))
    generation = await desk.generation(person)
    await desk.seal()
    async with await waiting as answer:
        page = await answer.json()
    assert [(event["subject"], event["version"]) for event in page["events"]] == [
        (f"generation-{generation}", 1)
    ]


async def test_lines_carry_the_cursor_of_each_event(
    desk: Newsdesk, gateway: Gateway, person: Person, session: ClientSession
) -> None:
    await desk.travel(await desk.generation(person))
    await desk.seal()
    headers = {**person.reading, "Accept": "application/x-ndjson"}
    async with session.get(own(gateway), headers=headers) as answer:
        assert answer.content_type == "application/x-ndjson"
        lines = (await answer.text()).splitlines()
    assert len(lines) == len(await desk.sealed(person.project, person.user))
    assert all('"cursor":"' in line for line in lines)
