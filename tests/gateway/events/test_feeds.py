"""Feeds: the events of all generations of a user, and of a project for its developer."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from domain.generation.generation import stream_of
from domain.webhooks.endpoint import stream_of_deliveries, stream_of_endpoint
from events.envelope import Cause
from events.webhook import DeliveryFailed, WebhookDisabled, WebhookRegistered
from tests.gateway.events.gateway_system import CAUSE, LIFECYCLE, PATH, EndUser, Gateway, GatewaySystem
from tests.gateway.events.sse_client import EVENT_STREAM, Frame, opened
from tests.systems.waiting import until

Seen = list[tuple[str, int]]
SHOWN = ("requested", "validated", "started", *["progressed"] * 3, "completed")  # of one generation


def own(gateway: Gateway) -> str:
    return f"{gateway.url}{PATH}/events"


def whole(gateway: Gateway, user: EndUser) -> str:
    return f"{gateway.url}/api/v1/projects/{user.project}/events"


def seen_in(frames: Sequence[Frame]) -> Seen:
    return [(frame.data["stream"], frame.data["version"]) for frame in frames if frame.event.startswith("generation.")]


async def test_a_user_gets_the_events_of_own_generations_in_sealed_order(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    other_user, foreign_user = (
        await system.register_user(gateway, beside=user),
        await system.register_user(gateway),
    )
    for owner in (user, other_user, foreign_user, user):
        await system.append_all(await system.start_generation(owner), LIFECYCLE[:3])
    await system.seal()
    async with opened(session, f"{own(gateway)}?after=0", user.bearer) as stream:
        frames = await stream.until("caught_up")
        for owner in (foreign_user, user, other_user):
            await system.append_all(await system.start_generation(owner), LIFECYCLE[:4])
        await system.seal()
        expected = await system.sealed_events(user.project, user.id)
        while len(seen_in(frames)) < len(expected):
            frame = await stream.next()
            assert frame is not None
            frames.append(frame)
    assert seen_in(frames) == expected
    # Two generations with 2 visible events each, then one with 5.
    assert len(expected) == 2 * 2 + 5


async def test_a_developer_gets_the_events_of_all_users_of_the_project_alone(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    other_user, foreign_user = (
        await system.register_user(gateway, beside=user),
        await system.register_user(gateway),
    )
    for owner in (user, other_user, foreign_user):
        await system.append_all(await system.start_generation(owner))
    await system.seal()
    async with opened(session, f"{whole(gateway, user)}?after=0", user.developer) as stream:
        frames = await stream.until("caught_up")
    assert seen_in(frames) == await system.sealed_events(user.project)
    assert not any("actor" in frame.data for frame in frames)
    for headers, code in ((foreign_user.developer, 404), (user.bearer, 403), ({}, 401)):
        async with session.get(whole(gateway, user), headers={**headers, **EVENT_STREAM}) as answer:
            assert answer.status == code


async def write(system: GatewaySystem, owners: Sequence[EndUser], chance: random.Random) -> None:
    """Append the lifecycle of a generation of each owner, interleaved at random."""
    generations = [await system.start_generation(owner) for owner in owners]
    for events in LIFECYCLE:
        chance.shuffle(generations)
        for generation in generations:
            await system.append(generation, *events)
        await system.seal()


@pytest.mark.parametrize("seed", range(4))
async def test_clients_that_reconnect_between_gateways_get_every_event_exactly_once(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession, seed: int
) -> None:
    chance = random.Random(seed)
    gateways = [gateway, await system.start_gateway(woken=False, tail=0.05)]
    users = [user, await system.register_user(gateway, beside=user), await system.register_user(gateway)]
    owners = [chance.choice(users) for _ in range(6)]

    async def read(path: str, headers: dict[str, str], *mine: EndUser) -> Seen:
        """Read with random disconnects until all expected events have arrived."""
        seen: Seen = []
        last_id = "0"
        expected = sum(owner in mine for owner in owners) * len(SHOWN)
        while len(seen) < expected:
            disconnect_after = chance.randrange(1, 8)
            url = chance.choice(gateways).url + path
            async with opened(session, url, headers, last_id=last_id) as stream:
                while disconnect_after and len(seen) < expected and (frame := await stream.next()):
                    assert frame.event != "reset"
                    seen += seen_in([frame])
                    last_id = frame.id or last_id
                    disconnect_after -= 1
        return seen

    project = f"/api/v1/projects/{user.project}/events"
    *seen, _ = await asyncio.gather(
        read(f"{PATH}/events", users[0].bearer, users[0]),
        read(f"{PATH}/events", users[1].bearer, users[1]),
        read(project, user.developer, users[0], users[1]),
        write(system, owners, chance),
    )
    truths = [
        await system.sealed_events(user.project, users[0].id),
        await system.sealed_events(user.project, users[1].id),
        await system.sealed_events(user.project),
    ]
    for events, truth in zip(seen, truths, strict=True):
        assert events == truth


async def test_a_new_client_gets_a_snapshot_of_the_latest_generations(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    old, new = await system.start_generation(user), await system.start_generation(user)
    await system.append_all(new, LIFECYCLE[:2])
    await system.seal()
    await system.append_all(old)
    async with opened(session, own(gateway), user.bearer) as stream:
        snapshot, caught_up = await stream.until("caught_up")
        assert snapshot.event == "snapshot"
        shown = {each["id"]: (each["status"], each["version"]) for each in snapshot.data["generations"]}
        assert shown == {new: ("pending", 3), old: ("completed", 11)}
        assert caught_up.id
        await system.seal()
        frames = await stream.until("generation.completed")
    # Events that were not sealed yet follow: a snapshot may be ahead of the cursor, no event is left out.
    assert seen_in(frames) == (await system.sealed_events(user.project, user.id))[3:]


async def test_a_foreign_or_forged_cursor_gets_a_reset_and_a_snapshot(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    foreign_user = await system.register_user(gateway)
    mine, foreign = await system.start_generation(user), await system.start_generation(foreign_user)
    await system.seal()
    async with opened(session, own(gateway), foreign_user.bearer) as stream:
        stolen = (await stream.until("caught_up"))[-1].id or ""
    async with opened(session, whole(gateway, user), user.developer) as stream:
        wider = (await stream.until("caught_up"))[-1].id or ""
    flipped = ("B" if stolen[0] == "A" else "A") + stolen[1:]
    for position in (stolen, wider, flipped, "5", "garbage", stolen + "A"):
        async with opened(session, own(gateway), user.bearer, last_id=position) as stream:
            frames = await stream.until("caught_up")
        assert [frame.event for frame in frames] == ["reset", "snapshot", "caught_up"]
        assert [each["id"] for each in frames[1].data["generations"]] == [mine]
        assert foreign not in str(frames)


async def test_a_cursor_is_valid_after_a_restart_of_the_gateway(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    await system.append_all(await system.start_generation(user), LIFECYCLE[:4])
    await system.seal()
    async with opened(session, f"{own(gateway)}?after=0", user.bearer) as stream:
        before = await stream.until("caught_up")
        stopping = asyncio.create_task(gateway.stop())
        assert [frame.event for frame in await stream.rest()] == ["goodbye"]
    await stopping
    await system.append_all(await system.start_generation(user))
    await system.seal()
    again = await system.start_gateway()
    async with opened(session, own(again), user.bearer, last_id=before[-1].id) as stream:
        after = await stream.until("caught_up")
    assert seen_in([*before, *after]) == await system.sealed_events(user.project, user.id)


async def test_pages_cover_all_events_and_the_last_one_can_wait(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    for _ in range(4):
        await system.append_all(await system.start_generation(user))
    await system.seal()
    seen: Seen = []
    cursor, more = "0", True
    while more:
        url = f"{own(gateway)}?after={cursor}&limit=7"
        async with session.get(url, headers=user.bearer) as answer:
            page = await answer.json()
        seen += [(event["stream"], event["version"]) for event in page["events"]]
        cursor, more = page["cursor"], page["more"]
    assert seen == await system.sealed_events(user.project, user.id)
    async with session.get(f"{own(gateway)}?limit=500", headers=user.bearer) as answer:
        last_but_two = (await answer.json())["events"][-3]
    resumed = f"{own(gateway)}?after={last_but_two['cursor']}"
    async with session.get(resumed, headers=user.bearer) as answer:
        assert [(each["stream"], each["version"]) for each in (await answer.json())["events"]] == seen[-2:]
    waiting = asyncio.create_task(session.get(f"{own(gateway)}?after={cursor}&wait=30", headers=user.bearer))
    await until(lambda: gateway.event_hub.connections.taken == 1)
    generation = await system.start_generation(user)
    await system.seal()
    async with await waiting as answer:
        page = await answer.json()
    assert [(event["subject"], event["version"]) for event in page["events"]] == [(f"generation-{generation}", 1)]


async def test_lines_hold_the_cursor_of_each_event(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    await system.append_all(await system.start_generation(user))
    await system.seal()
    headers = {**user.bearer, "Accept": "application/x-ndjson"}
    async with session.get(own(gateway), headers=headers) as answer:
        assert answer.content_type == "application/x-ndjson"
        lines = (await answer.text()).splitlines()
    assert len(lines) == len(await system.sealed_events(user.project, user.id))
    assert all('"cursor":"' in line for line in lines)


async def test_a_feed_waits_before_a_commit_of_newer_code_and_passes_a_damaged_one(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    names = [await system.start_generation(user) for _ in range(3)]
    await system.seal()
    expected = await system.sealed_events(user.project, user.id)
    damaged, newer, _ = (f"{stream_of(name)}:1" for name in names)
    commits = system.store.database.get_collection("commits")
    before = await commits.find_one({"_id": newer})
    assert before is not None
    await commits.update_one({"_id": newer}, {"$set": {"body": before["body"].replace(b"requested:1", b"requested:2")}})
    await commits.update_one({"_id": damaged}, {"$set": {"body": b"damaged"}})

    async def page(after: str) -> tuple[Seen, str]:
        async with session.get(f"{own(gateway)}?after={after}", headers=user.bearer) as answer:
            found = await answer.json()
            return [(event["stream"], event["version"]) for event in found["events"]], found["cursor"]

    events, cursor = await page("0")
    assert events == []
    async with opened(session, f"{own(gateway)}?after={cursor}", user.bearer) as stream:
        await stream.until("caught_up")
        after = await system.start_generation(user)
        await system.seal()
        async with opened(session, f"{own(gateway)}", user.bearer) as fresh:
            await fresh.until("caught_up")
            await system.append(after, *LIFECYCLE[0])
            await system.seal()
            assert await fresh.until("generation.validated"), "who joined behind it gets what follows"
        assert b"generation." not in stream.response.content.read_nowait()

    await commits.replace_one({"_id": newer}, before)
    events, _ = await page(cursor)
    assert events[:2] == expected[1:]


ATTEMPT: dict[str, Any] = {
    "delivery": "msg_1",
    "event": "generation-x:1",
    "attempt": 1,
    "status": 503,
    "milliseconds": 35,
}


async def write_webhook_events(system: GatewaySystem, user: EndUser, endpoint: str) -> None:
    """Append what an endpoint of a user's project does: a failed attempt, and its end."""
    generation = await system.start_generation(user)
    own, attempts = stream_of_endpoint(endpoint), stream_of_deliveries(endpoint, generation)
    first = WebhookRegistered(developer="developer", project=user.project, url="0" * 64, event_types=())
    disabled = WebhookDisabled(reason="gone")
    failed = DeliveryFailed(**ATTEMPT, code="status", retry_at=None)
    correlated = Cause(actor="actor:delivery", correlation_id=stream_of(generation))
    for stream, events, cause in ((own, [first, disabled], CAUSE), (attempts, [failed], correlated)):
        await system.store.events.append(stream, 0, events, cause=cause, time=system.clock())


async def test_a_developer_may_watch_attempts_and_disabled_endpoints_too(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    feed, other = whole(gateway, user), await system.register_user(gateway)
    shown = {"webhook.disabled", "webhook.delivery_failed"}
    async with opened(session, f"{feed}?after=0&include=webhooks", user.developer) as stream:
        await stream.until("caught_up")
        await write_webhook_events(system, user, str(uuid4()))
        await write_webhook_events(system, other, str(uuid4()))
        await system.seal()
        frames = [await stream.next() for _ in range(3)]
    assert {frame.event for frame in frames if frame} == {"generation.requested", *shown}
    for query, types in (("include=webhooks", {"generation.requested", *shown}), ("", {"generation.requested"})):
        async with session.get(f"{feed}?{query}", headers=user.developer) as answer:
            page = (await answer.json())["events"]
        assert ({event["type"] for event in page}, len(page)) == (types, len(types))
    async with session.get(f"{feed}?include=everything", headers=user.developer) as answer:
        assert answer.status == 422
