"""The client's own deadlines, and warnings, are in the answer, in the log and in the resource."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import FormData
from yarl import URL

from domain.paths import SUBMIT
from events.envelope import format_time, parse_time
from store.leases.pauses import MongoPauses, Pause
from tests.builders.pictures import jpeg
from tests.systems.gateway_harness import ONE, GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def submit(
    gateway: GatewayHarness, person: Person, *pictures: bytes, headers: dict[str, str] | None = None, **fields: str
) -> tuple[int, Any]:
    form = FormData()
    for number, picture in enumerate(pictures or (jpeg("rocket.jpg", (64, 64)),)):
        form.add_field("example_images", picture, filename=f"{number}.jpg")
    form.add_field("instructions", json.dumps({"prompt": "a quiet harbour"}))
    for name, value in fields.items():
        form.add_field(name, value)
    async with gateway.client.post(SUBMIT, data=form, headers=person.headers | (headers or {})) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(("sent", "seconds"), [("30", 30), ("1m", 60), ("9m59s", 599), ("30m", 600)])
async def test_the_start_timeout_is_the_deadline_for_the_start_where_it_is_earlier(
    gateway: GatewayHarness, sent: str, seconds: int
) -> None:
    person = await gateway.person()
    status, body = await submit(gateway, person, headers={"X-Start-Timeout": sent})
    assert status == 202
    generation = await gateway.generations.load(body["id"])
    assert generation is not None
    wait = generation.request.start_by - generation.created_at
    assert timedelta(seconds=seconds - 2) < wait <= timedelta(seconds=seconds)
    assert bool(generation.request.own_start) is (seconds < 600)
    _, resource = await gateway.get(f"{ONE}/{body['id']}", person.token)
    assert (resource["start_by"], resource["deadline"]) == (body["start_by"], body["deadline"])


async def test_the_earlier_of_header_and_field_counts(gateway: GatewayHarness) -> None:
    moment = gateway.clock() + timedelta(seconds=90)
    person = await gateway.person()
    _, body = await submit(gateway, person, headers={"X-Start-Timeout": "5m"}, start_by=format_time(moment))
    assert abs(parse_time(body["start_by"]) - moment) < timedelta(milliseconds=1)


async def test_malformed_headers_and_fields_are_listed_together(gateway: GatewayHarness) -> None:
    headers = {"X-Start-Timeout": "soon", "Cancel-After": "1", "Idempotency-Key": "\u00e9".encode().decode("latin-1")}
    status, body = await submit(gateway, await gateway.person(), headers=headers, metadata="[]")
    assert status == 422
    assert [error["loc"] for error in body["errors"]] == [
        ["header", "Idempotency-Key"],
        ["header", "Cancel-After"],
        ["header", "X-Start-Timeout"],
        ["body", "metadata"],
    ]


async def test_warnings_are_answered_recorded_and_read_again(gateway: GatewayHarness) -> None:
    person, picture = await gateway.person(), jpeg("rocket.jpg", (64, 64))
    key = {"Idempotency-Key": "warned"}
    _, body = await submit(gateway, person, picture, picture, headers=key, mask="x")
    found = [(one["code"], one["example"]) for one in body["warnings"]]
    assert found == [
        ("few_examples", None),
        ("small_example", 0),
        ("small_example", 1),
        ("duplicate_examples", 1),
        ("unknown_fields", None),
    ]
    assert all(one["message"] for one in body["warnings"])
    assert body["warnings"][-1].pop("fields") == ["mask"], "the names are told, and not kept"
    _, resource = await gateway.get(f"{ONE}/{body['id']}", person.token)
    assert resource["warnings"] == body["warnings"]
    _, replayed = await submit(gateway, person, picture, picture, headers=key)
    assert replayed["warnings"] == body["warnings"], "a replay gets the first answer"


async def test_equal_examples_are_stored_once_and_shown_each(gateway: GatewayHarness) -> None:
    person, one, other = await gateway.person(), jpeg("rocket.jpg", (64, 64)), jpeg("rocket.jpg", (65, 65))
    _, body = await submit(gateway, person, one, other, one)
    stored = await gateway.store.blobs.hashes(body["id"])
    assert len(stored) == 2
    _, resource = await gateway.get(f"{ONE}/{body['id']}", person.token)
    paths = [URL(url).relative() for url in resource["example_images"]]
    assert [await (await gateway.client.get(path)).read() for path in paths] == [one, other, one]


async def test_a_pause_of_the_provider_is_told(gateway: GatewayHarness) -> None:
    person, pauses = await gateway.person(), MongoPauses(gateway.store.database)
    await pauses.begin(gateway.dependencies.get("provider").name, Pause("provider_payment", 30))
    await asyncio.sleep(1.1)  # a process reads pauses once a second at most
    _, body = await submit(gateway, person)
    assert "provider_paused" in [one["code"] for one in body["warnings"]]
