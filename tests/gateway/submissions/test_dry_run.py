"""A dry run tells what would be recorded, and records nothing."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import FormData

from domain.paths import SUBMIT
from tests.builders.pictures import jpeg
from tests.systems.gateway_harness import GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNTED = {"requests", "keys"}
"""What every request changes: the day's API requests, and when a key was last used."""


def form(**fields: str) -> FormData:
    made = FormData()
    made.add_field("example_images", jpeg("rocket.jpg", (64, 64)), filename="a.jpg")
    made.add_field("instructions", json.dumps({"prompt": "a quiet harbour", "style": "woodcut", "seed": 7}))
    for name, value in fields.items():
        made.add_field(name, value)
    return made


async def send(gateway: GatewayHarness, person: Person, query: str = "?dry_run=true", **headers: str) -> Any:
    async with gateway.client.post(f"{SUBMIT}{query}", data=form(), headers=person.headers | headers) as answer:
        return answer.status, await answer.json()


async def contents(gateway: GatewayHarness) -> dict[str, list[Any]]:
    """Read every document of the database."""
    database = gateway.store.database
    names = sorted(set(await database.list_collection_names()) - COUNTED)
    return {name: await database[name].find({}).sort("_id", 1).to_list(None) for name in names}


async def test_it_answers_what_would_be_recorded(gateway: GatewayHarness) -> None:
    person = await gateway.person(await gateway.owned_project(await gateway.owner("cloud_starter")))
    status, body = await send(gateway, person, **{"Cancel-After": "5m"})
    assert (status, body["dry_run"], body["replayed"]) == (200, True, False)
    assert body["input"]["prompt"] == "a quiet harbour, style: woodcut"
    assert body["input"]["parameters"] == {"seed": 7}
    [example] = body["input"]["example_images"]
    assert (example["content_type"], example["width"], example["height"]) == ("image/jpeg", 64, 64)
    assert [one["code"] for one in body["warnings"]] == ["few_examples", "small_example"]
    quota = body["quota"]
    assert (quota["used"], quota["limit"], quota["slots"], quota["slot_limit"]) == (1, 1000, 1, 3)
    assert body["estimate"]["basis"] in ("typical", "recent_generations")
    assert body["start_by"] == body["deadline"], "the client's own deadline is the earlier one"


async def test_a_thousand_dry_runs_change_nothing_in_the_database(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    await send(gateway, person)
    before = await contents(gateway)
    for _ in range(50):
        answers = await asyncio.gather(*(send(gateway, person) for _ in range(20)))
        assert {status for status, _ in answers} == {200}
    assert await contents(gateway) == before


async def test_it_is_refused_as_the_submission_would_be(gateway: GatewayHarness) -> None:
    person = await gateway.person(await gateway.owned_project(await gateway.owner("free_starter")))
    await gateway.submit(person)
    tried, submitted = await send(gateway, person), await send(gateway, person, "")
    assert tried[0] == submitted[0] == 429
    assert {**tried[1], "request_id": ""} == {**submitted[1], "request_id": ""}


async def test_a_known_key_is_told_as_a_replay(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    key = {"Idempotency-Key": "once"}
    status, accepted = await send(gateway, person, "", **key)
    assert status == 202
    status, body = await send(gateway, person, **key)
    assert (status, body["replayed"], body["id"]) == (200, True, accepted["id"])


@pytest.mark.parametrize("choice", ["", "maybe", "2"])
async def test_an_unknown_choice_is_refused(gateway: GatewayHarness, choice: str) -> None:
    status, body = await send(gateway, await gateway.person(), f"?dry_run={choice}")
    assert (status, body["errors"][0]["loc"]) == (422, ["query", "dry_run"])


async def test_false_submits(gateway: GatewayHarness) -> None:
    assert (await send(gateway, await gateway.person(), "?dry_run=false"))[0] == 202


async def test_one_that_prefers_to_wait_is_told_its_position(gateway: GatewayHarness) -> None:
    person = await gateway.person(await gateway.owned_project(await gateway.owner("free_starter")))
    await gateway.submit(person)
    before = ""
    for position in range(5):
        status, body = await send(gateway, person, Prefer="queue")
        assert (status, body["queued"], body["queue"]) == (200, True, {"position": position, "position_is_exact": True})
        assert (body["quota"]["slots"], body["quota"]["slot_limit"]) == (1, 1)
        status, submitted = await send(gateway, person, "", Prefer="queue")
        assert (status, submitted["queued"]) == (202, True)
        told = (await gateway.get(f"/api/v1/generation/generations-v2/{submitted['id']}", person.headers))[1]["queue"]
        assert (told["position"], told["possible"]) == (position, True)
        assert before < body["estimate"]["start"] <= told["estimated_start"] < told["estimated_completion"]
        before = told["estimated_start"]
    assert (
        (await send(gateway, person, Prefer="queue"))[0] == (await send(gateway, person, "", Prefer="queue"))[0] == 429
    )
