"""Operators list, show, replay and discard failed work, and search by request id."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.accounts.access import Role
from domain.paths import DEAD_LETTERS, OPERATIONS_SEARCH, PARKED
from store.failed.dead_letters import DeadLetters
from store.log.parking import Parked, Parking
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def operator(gateway: GatewayHarness) -> dict[str, str]:
    database = gateway.store.database
    for name in ("parked", "dead_letters"):
        await database[name].delete_many({})
    return await gateway.staff(Role.PLATFORM_OPERATOR)


async def recorded(gateway: GatewayHarness) -> Any:
    """Submit a generation and return its first event."""
    generation = await gateway.submit(await gateway.person())
    [commit] = await gateway.store.events.read(f"generation-{generation}")
    return commit.events[0]


async def dead_letter(gateway: GatewayHarness) -> Any:
    """Note that validation has failed for a new generation; return its event."""
    event = await recorded(gateway)
    letters: DeadLetters = gateway.dependencies.get("dead_letters")
    await letters.record("validation", event, "RuntimeError")
    return event


async def park(gateway: GatewayHarness, commit: str, position: int) -> None:
    now, parking = gateway.clock(), gateway.dependencies.get("parking", kind=Parking)
    await parking.park(
        Parked(
            subscriber="delivery",
            position=position,
            commit=commit,
            error="KeyError",
            tries=3,
            since=now,
            due_at=now + timedelta(hours=1),
        )
    )


async def test_dead_letters_are_listed_in_pages_and_shown_with_their_events(
    gateway: GatewayHarness, operator: dict[str, str]
) -> None:
    events = [await dead_letter(gateway) for _ in range(3)]
    found: list[str] = []
    after = ""
    while True:
        status, body = await gateway.get(f"{DEAD_LETTERS}?limit=2{after}", operator)
        assert status == 200
        found += [one["id"] for one in body["entries"]]
        if body["next_after"] is None:
            break
        after = f"&after={body['next_after']}"
    assert found == sorted(f"validation:{event.id}" for event in events)
    status, shown = await gateway.get(f"{DEAD_LETTERS}/{found[0]}", operator)
    assert (status, shown["error"], shown["tries"]) == (200, "RuntimeError", 1)
    assert [event["type"] for event in shown["events"]] == ["generation.requested"]
    assert shown["later"] == []
    assert (await gateway.get(f"{DEAD_LETTERS}/none", operator))[0] == 404


async def test_some_are_replayed_and_others_discarded(gateway: GatewayHarness, operator: dict[str, str]) -> None:
    event = await recorded(gateway)
    for position in (5, 6):
        await park(gateway, event.id, position)
    status, body = await gateway.call("POST", f"{PARKED}/replay", operator, {"ids": ["delivery:5"]})
    assert (status, body) == (202, {"count": 1})
    _, replayed = await gateway.get(f"{PARKED}/delivery:5", operator)
    assert datetime.fromisoformat(replayed["next_try_at"]) <= gateway.clock() + timedelta(milliseconds=1)
    assert replayed["next_try_at"][:4] == replayed["since"][:4], "it is due now, and not since the beginning of time"
    why = {"all": True, "reason": "handled_elsewhere", "case": "INC-7"}
    assert await gateway.call("POST", f"{PARKED}/discard", operator, why) == (200, {"count": 2})
    assert (await gateway.get(PARKED, operator))[1]["entries"] == []
    _, body = await gateway.get(f"{PARKED}?discarded=true&handler=delivery", operator)
    assert [one["id"] for one in body["entries"]] == ["delivery:5", "delivery:6"]
    named = {one["discarded"] for one in body["entries"]}
    assert len(named) == 1
    assert named.pop().startswith("operation-")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["a:1"], "all": True},
        {"first": 0},
        {"first": 1, "all": True},
        {"every": True},
    ],
)
async def test_exactly_one_selection_is_named(gateway: GatewayHarness, operator: dict[str, str], body: Any) -> None:
    assert (await gateway.call("POST", f"{PARKED}/replay", operator, body))[0] == 422


async def test_an_unknown_handler_is_refused_with_the_known_ones(
    gateway: GatewayHarness, operator: dict[str, str]
) -> None:
    why = {"all": True, "handler": "bogus", "reason": "obsolete"}
    for path, known in ((PARKED, "projector"), (DEAD_LETTERS, "invocation")):
        answers = [
            await gateway.get(f"{path}?handler=bogus", operator),
            await gateway.call("POST", f"{path}/replay", operator, {"all": True, "handler": "bogus"}),
            await gateway.call("POST", f"{path}/discard", operator, why),
        ]
        assert [status for status, _ in answers] == [422] * 3
        assert all(known in body["errors"][0]["msg"] for _, body in answers)
        assert (await gateway.get(f"{path}?handler={known}", operator))[0] == 200


async def test_a_search_finds_all_that_a_request_led_to(gateway: GatewayHarness, operator: dict[str, str]) -> None:
    event = await dead_letter(gateway)
    await park(gateway, event.id, 9)
    while await gateway.store.sealed_log.seal():
        pass
    generation = event.stream.removeprefix("generation-")
    delivery = {"_id": "d1", "generation": generation, "endpoint": "e1", "state": "failed"}
    await gateway.store.database["webhook_deliveries"].insert_one(delivery)
    request_id = event.cause.request_id
    status, body = await gateway.get(f"{OPERATIONS_SEARCH}?request_id={request_id}", operator)
    assert status == 200
    assert [one["id"] for one in body["events"]] == [event.id]
    assert [one["id"] for one in body["deliveries"]] == ["d1"]
    assert [one["id"] for one in body["parked"]] == ["delivery:9"]
    assert [one["id"] for one in body["dead_letters"]] == [f"validation:{event.id}"]
    fields = body["log_fields"]
    assert (fields["request_id"], fields["generation_id"]) == ([request_id], [generation])
    assert (fields["event_id"], fields["delivery"]) == ([event.id], ["d1"])
    assert (await gateway.get(OPERATIONS_SEARCH, operator))[0] == 422


async def test_others_see_none_of_it(gateway: GatewayHarness) -> None:
    person, auditor = await gateway.person(), await gateway.staff(Role.AUDITOR)
    for headers in (person.headers, person.owned_project.owner.token):
        for path in (PARKED, DEAD_LETTERS, f"{OPERATIONS_SEARCH}?request_id=a"):
            assert (await gateway.get(path, headers))[0] == 403
    assert (await gateway.get(PARKED, auditor))[0] == 403
