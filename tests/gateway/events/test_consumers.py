"""Pull consumers: events of a project are leased in order, and handed out again until they are acknowledged."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from events.quota import QuotaSettled
from store.consumers.project_consumers import ProjectConsumers
from tests.builders.generation import VALIDATED
from tests.gateway.events.gateway_system import EndUser, Gateway, GatewaySystem

Seen = list[tuple[str, int]]


@dataclass(frozen=True)
class Program:
    """A program of a developer that uses one consumer."""

    session: ClientSession
    address: str
    headers: dict[str, str]

    async def __call__(self, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
        async with self.session.request(method, self.address + path, json=body, headers=self.headers) as answer:
            return answer.status, await answer.json() if await answer.read() else None

    async def must(self, method: str, path: str = "", body: Any = None) -> Any:
        status, answer = await self(method, path, body)
        assert status in (200, 204), answer
        return answer

    async def refusal(self, method: str, path: str = "", body: Any = None) -> tuple[int, str]:
        status, answer = await self(method, path, body)
        return status, answer["code"]

    async def lease(self, **body: Any) -> Any:
        return await self.must("POST", "/lease", body)

    async def acknowledge(self, leased: Any, **body: Any) -> Any:
        return await self.must("POST", "/acknowledge", {"lease": leased["lease"], **body})


@pytest.fixture
async def program(gateway: Gateway, user: EndUser, session: ClientSession) -> Program:
    """A program with a consumer at the beginning."""
    address = f"{gateway.url}/api/v1/projects/{user.project}/consumers/billing.v1"
    program = Program(session, address, user.developer)
    await program.must("PUT", body={"cursor": "0"})
    return program


async def write(system: GatewaySystem, user: EndUser, count: int = 1) -> None:
    for _ in range(count):
        await system.append_all(await system.start_generation(user))
    await system.seal()


async def forget_lease(system: GatewaySystem) -> None:
    """Let every lease be over, as time does."""
    over = {"$set": {"leased_until": datetime(2020, 1, 1, tzinfo=UTC)}}
    await system.store.database.get_collection("project_consumers").update_many({"lease": {"$exists": True}}, over)


def seen_in(*answers: Any) -> Seen:
    return [(event["stream"], event["version"]) for answer in answers for event in answer["events"]]


async def test_all_events_are_leased_in_order_and_once_if_nothing_fails(
    system: GatewaySystem, gateway: Gateway, user: EndUser, program: Program
) -> None:
    foreign = await system.register_user(gateway)
    for owner in (user, foreign, user):
        await write(system, owner)
    answers = []
    while (leased := await program.lease(limit=3))["lease"]:
        answers.append(leased)
        assert await program.refusal("POST", "/lease") == (409, "consumer_leased")
        await program.acknowledge(leased, cursor=leased["cursor"])
    assert seen_in(*answers) == await system.sealed_events(user.project)
    assert len(answers) > 3
    consumer = await program.must("GET")
    assert (consumer["name"], consumer["behind"], consumer["leased_until"]) == ("billing.v1", 0, None)
    assert leased["events"] == []


async def test_what_was_not_acknowledged_is_leased_again(
    system: GatewaySystem, user: EndUser, program: Program
) -> None:
    await write(system, user)
    lost = await program.lease(limit=4)
    await forget_lease(system)
    again = await program.lease(limit=4)
    assert again["events"] == lost["events"]
    assert again["lease"] != lost["lease"]
    late = {"lease": lost["lease"], "cursor": lost["cursor"]}
    assert await program.refusal("POST", "/acknowledge", late) == (409, "lease_lost")
    assert (await program.must("GET"))["leased_until"] == again["leased_until"]


async def test_a_lease_that_is_over_may_be_acknowledged_until_another_begins(
    system: GatewaySystem, user: EndUser, program: Program
) -> None:
    await write(system, user)
    leased = await program.lease(limit=4)
    await forget_lease(system)
    await program.acknowledge(leased, cursor=leased["cursor"])
    assert seen_in(leased, await program.lease()) == await system.sealed_events(user.project)


async def test_a_part_of_a_lease_is_acknowledged_also_within_a_commit(
    system: GatewaySystem, user: EndUser, program: Program
) -> None:
    await write(system, user)
    every = await system.sealed_events(user.project)
    leased = await program.lease(seconds=5)
    for event in leased["events"][:4]:  # the last is one of three events of a commit
        body = {"lease": leased["lease"], "cursor": event["cursor"], "extend": 600}
        consumer = await program.must("POST", "/acknowledge", body)
        assert consumer["leased_until"] > leased["leased_until"]
    earlier = leased["events"][0]["cursor"]
    assert (await program.acknowledge(leased, cursor=earlier))["cursor"] == leased["events"][3]["cursor"]
    assert seen_in(await program.lease()) == every[4:]


async def test_a_consumer_is_moved_to_a_cursor_and_a_time_and_its_lease_ends(
    system: GatewaySystem, user: EndUser, program: Program
) -> None:
    await write(system, user, count=2)
    every = await system.sealed_events(user.project)
    leased = await program.lease()
    await program.must("PUT", body={"cursor": leased["events"][2]["cursor"]})
    body = {"lease": leased["lease"], "cursor": leased["cursor"]}
    assert await program.refusal("POST", "/acknowledge", body) == (409, "lease_lost")
    assert seen_in(await program.lease()) == every[3:]
    await program.must("PUT", body={"recorded_from": "2020-01-01T00:00:00Z"})
    assert seen_in(await program.lease()) == every
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    assert (await program.must("PUT", body={"recorded_from": soon}))["behind"] == 0
    future = {"recorded_from": "2999-01-01T00:00:00Z"}
    assert await program.refusal("PUT", body=future) == (422, "invalid_request")


async def test_a_lease_is_acknowledged_no_further_than_it_reaches(
    system: GatewaySystem, user: EndUser, program: Program
) -> None:
    await write(system, user, count=2)
    every = await system.sealed_events(user.project)
    reader = Program(program.session, program.address.replace("billing", "reader"), program.headers)
    await reader.must("PUT", body={"cursor": "0"})
    all_of_it, leased = await reader.lease(), await program.lease(limit=2)
    body = {"lease": leased["lease"], "cursor": all_of_it["cursor"]}
    assert await program.refusal("POST", "/acknowledge", body) == (422, "unknown_position")
    lost = {**body, "lease": "0" * 32}
    assert await program.refusal("POST", "/acknowledge", lost) == (409, "lease_lost")
    await program.acknowledge(leased, cursor=leased["cursor"])
    assert seen_in(leased, await program.lease()) == every


async def test_a_lease_waits_for_the_first_event(system: GatewaySystem, user: EndUser, program: Program) -> None:
    waiting = asyncio.create_task(program.lease(wait=30))
    while not waiting.done():
        await asyncio.sleep(0)  # the request may not have begun to wait yet
        await write(system, user)
    assert seen_in(await waiting)[0] == (await system.sealed_events(user.project))[0]


async def test_a_lease_that_waits_reads_on_over_commits_without_a_visible_event(
    system: GatewaySystem, user: EndUser, program: Program
) -> None:
    generation = await system.start_generation(user)
    await system.seal()
    await program.acknowledge(leased := await program.lease(), cursor=leased["cursor"])
    for _ in range(12):
        await system.append(generation, QuotaSettled(period="2026-11", outcome="spent"))
    await system.append(generation, VALIDATED)
    await system.seal()
    assert (await program.lease(limit=1))["more"], "it passes over eleven commits at once"
    await program.must("PUT", body={"cursor": leased["cursor"]})
    found = await program.lease(limit=1, wait=30)
    assert seen_in(found) == (await system.sealed_events(user.project))[-1:]


async def test_an_unknown_position_is_refused(
    system: GatewaySystem, gateway: Gateway, user: EndUser, program: Program
) -> None:
    await write(system, user)
    leased = await program.lease()
    cursor = leased["cursor"][:-2] + ("AA" if not leased["cursor"].endswith("AA") else "BB")
    assert await program.refusal("PUT", body={"cursor": cursor}) == (422, "unknown_position")
    body = {"lease": leased["lease"], "cursor": cursor}
    assert await program.refusal("POST", "/acknowledge", body) == (422, "unknown_position")
    for body in ({}, {"cursor": "0", "recorded_from": "2020-01-01T00:00:00Z"}):
        assert await program.refusal("PUT", body=body) == (422, "invalid_request")
    for path, wrong in (("/lease", {"limit": 0}), ("/lease", {"seconds": "9"}), ("/acknowledge", {"lease": "x"})):
        assert await program.refusal("POST", path, wrong) == (422, "invalid_request")


async def test_consumers_belong_to_their_project_and_are_bounded_by_developer(
    system: GatewaySystem, gateway: Gateway, user: EndUser, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = await system.register_user(gateway)
    for headers, refusal in ((stranger.developer, (404, "not_found")), (user.bearer, (403, "forbidden"))):
        other = Program(program.session, program.address, headers)
        for method, path, body in (
            ("GET", "", None),
            ("PUT", "", {"cursor": "0"}),
            ("DELETE", "", None),
            ("POST", "/lease", {}),
            ("POST", "/acknowledge", {"lease": "0" * 32}),
        ):
            assert await other.refusal(method, path, body) == refusal
    monkeypatch.setattr(ProjectConsumers, "most", 2)
    unknown, whole = "/../another", program.address.removesuffix("/billing.v1")
    await program.must("PUT", unknown, {"cursor": "0"})
    assert await program.refusal("PUT", "/../third", {"cursor": "0"}) == (409, "consumer_limit_exceeded")
    listed = await Program(program.session, whole, user.developer).must("GET")
    assert [one["name"] for one in listed["consumers"]] == ["another", "billing.v1"]
    await program.must("DELETE", unknown)
    for method, path, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/lease", {})):
        assert (await program(method, f"{unknown}{path}", body))[0] == 404
    await system.store.project_consumers.erase(*(await _owner(system)))
    assert (await program("GET"))[0] == 404


async def _owner(system: GatewaySystem) -> list[str]:
    row = await system.store.database.get_collection("project_consumers").find_one({})
    assert row is not None
    return str(row["_id"]).split("/")[:2]


async def test_programs_that_are_killed_at_random_lose_nothing(
    system: GatewaySystem, user: EndUser, program: Program
) -> None:
    """A model of many crashes: whatever is lost in between, each event is handled, the first time in order."""
    await write(system, user, count=3)
    handled: Seen = []
    for number in range(100):
        leased = await program.lease(limit=1 + number % 5)
        if not leased["lease"]:
            break
        events = seen_in(leased)
        crash = number % 3
        handled += events[: len(events) // 2] if crash == 0 else events
        if crash == 2:
            await program.acknowledge(leased, cursor=leased["cursor"])
        else:
            await forget_lease(system)
    assert list(dict.fromkeys(handled)) == await system.sealed_events(user.project)
    assert len(handled) > len(set(handled))
