"""Clients find their own writes in the next list, before the projection has run."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from domain.generation.listing import Scope
from exemplar.gateway_wiring import create_gateway
from gateway.generations.write_through import WriteThrough
from store.generations.memory_projection import MemoryProjection
from store.generations.missing_rows import MissingRows
from store.generations.projection import Row
from tests.builders.generation import TO_REQUESTED, folded
from tests.systems.documented import documented
from tests.systems.gateway import gateway_dependencies
from tests.systems.gateway_harness import ONE, GatewayHarness, Person, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def submitted(gateway: GatewayHarness, person: Person, **headers: str) -> str:
    form = FormData()
    form.add_field("example_images", gateway.picture, filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": "a cat"}))
    form.add_field("metadata", json.dumps({"order": 7, "rush": True}))
    sent = person.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await gateway.client.post("/api/v1/generation/generate-v2", data=form, headers=sent)
    status, body = await answered(answer)
    assert status == 202, body
    return str(body["id"])


async def listed(gateway: GatewayHarness, person: Person, query: str, path: str = ONE) -> list[str]:
    status, body = await gateway.get(f"{path}?{query}", person.token)
    assert status == 200, body
    return [one["id"] for one in body["generations"]]


async def stored(gateway: GatewayHarness, generation: str) -> Any:
    return (await gateway.store.projection.stored([generation]))[generation]


async def test_accepted_generation_is_listed_at_once(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await submitted(gateway, person, X_Request_ID="r-1", Idempotency_Key="k-1")
    for query in ("", "status=pending", "state=requested", "request_id=r-1", "idempotency_key=k-1"):
        assert await listed(gateway, person, query) == [generation], query
    for query in ("metadata.order=7&metadata.rush=true", "metadata.order=7&status=pending&limit=5"):
        assert await listed(gateway, person, query) == [generation], query
    whole = f"/api/v1/projects/{person.owned_project.id}/generations"
    status, body = await gateway.get(whole, person.owned_project.owner.token)
    assert (status, [one["id"] for one in body["generations"]]) == (200, [generation])


async def test_row_equals_the_row_of_the_projection(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await submitted(gateway, person)
    await listed(gateway, person, "")
    written = await stored(gateway, generation)
    await gateway.project(generation)
    assert await stored(gateway, generation) == written
    await gateway.store.projection.remove([generation])
    await gateway.project(generation)
    assert await stored(gateway, generation) == written


async def test_older_row_does_not_replace_a_newer_one(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await submitted(gateway, person)
    early = await gateway.generations.load(generation)
    assert early is not None
    await gateway.complete(generation)
    newer = await stored(gateway, generation)
    await gateway.dependencies.get("write_through").write(early)
    assert await stored(gateway, generation) == newer


async def test_cancelled_published_and_deleted_generations_are_listed_so_at_once(
    gateway: GatewayHarness,
) -> None:
    person = await gateway.person()
    cancelled = await submitted(gateway, person)
    await gateway.call("POST", f"{ONE}/{cancelled}/cancel", person.token)
    assert await listed(gateway, person, "status=failed") == [cancelled]
    shown = await gateway.completed(person)
    await gateway.call("PATCH", f"{ONE}/{shown}/public", person.token, {"is_public": True})
    public = "/api/v1/generation/public-generations-v2"
    assert await listed(gateway, person, "", public) == [shown]
    await gateway.call("DELETE", f"{ONE}/{shown}", person.token)
    _, body = await gateway.get(ONE, person.token)
    assert ([one["id"] for one in body["generations"]], body["total"]) == ([cancelled], 1)


class StalledProjection(MemoryProjection):
    async def write(self, rows: Sequence[Row]) -> None:
        await asyncio.Event().wait()


async def test_stalled_row_write_delays_a_response_by_at_most_a_second(gateway: GatewayHarness) -> None:
    write_through: WriteThrough = gateway.dependencies.get("write_through")
    async with asyncio.timeout(20):
        await replace(write_through, projection=StalledProjection()).write(folded(TO_REQUESTED))


async def test_a_submission_writes_no_row_and_a_list_writes_what_is_missing(gateway: GatewayHarness) -> None:
    person, other = await gateway.person(), await gateway.person()
    first, second = await submitted(gateway, person), await submitted(gateway, person)
    assert await gateway.store.projection.versions([first, second]) == {}
    assert await listed(gateway, other, "") == []
    assert await gateway.store.projection.versions([first, second]) == {}
    assert await listed(gateway, person, "limit=5") == [second, first]
    assert await gateway.store.projection.versions([first, second]) == {first: 1, second: 1}


async def test_a_list_is_read_again_for_a_row_that_was_written_after_it_was_read(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    scope = Scope(person.owned_project.id, person.id)
    generation = await submitted(gateway, person)
    await gateway.project(generation)
    missing_rows: MissingRows = gateway.dependencies.get("missing_rows", kind=MissingRows)
    together = await asyncio.gather(*(missing_rows.write(scope) for _ in range(3)))
    assert [one.may_lack for one in together] == [True, True, True], (
        "none of them knows whether its list was read before the row was written"
    )
    assert not (await missing_rows.write(scope)).may_lack, "a list that is read now has the row"


async def seal_all(gateway: GatewayHarness) -> None:
    while await gateway.store.sealed_log.seal():
        pass


async def test_what_was_requested_minutes_ago_is_listed_while_the_subscriber_of_rows_is_away(
    gateway: GatewayHarness,
) -> None:
    person = await gateway.person()
    await seal_all(gateway)
    await gateway.store.subscriptions.advance("projector", await gateway.store.sealed_log.head())
    await listed(gateway, person, "")
    first, second = await submitted(gateway, person), await submitted(gateway, person)
    gateway.clock.forward(minutes=5)
    await seal_all(gateway)
    _, body = await gateway.get(f"{ONE}?limit=1", person.token)
    assert ([one["id"] for one in body["generations"]], body["total"]) == ([second], 2)
    await gateway.store.projection.remove([first, second])
    query = f"limit=1&cursor={body['next_cursor']}"
    dependencies = gateway_dependencies(gateway.store, gateway.clock)
    async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
        answer = await client.get(f"{ONE}?{query}", headers=person.token)
        assert [one["id"] for one in (await answer.json())["generations"]] == [first], (
            "another gateway, behind a cursor"
        )
        answer = await client.get(f"{ONE}?page=2&per_page=1", headers=person.token)
        assert [one["id"] for one in (await answer.json())["generations"]] == [first]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("newest", "missing_rows"):
        monkeypatch.setattr(f"store.generations.{module}.PAGE", 2)


@pytest.mark.usefixtures("small_pages")
async def test_a_list_has_more_than_a_page_of_what_was_just_accepted(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    made = [await submitted(gateway, person) for _ in range(5)]
    _, body = await gateway.get(ONE, person.token)
    assert [one["id"] for one in body["generations"]] == made[::-1]
    assert (body["total"], body["total_is_exact"]) == (5, True)


@pytest.mark.usefixtures("small_pages")
async def test_a_total_is_a_lower_bound_where_there_was_no_time_for_all_rows(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await gateway.person()
    made = [await submitted(gateway, person) for _ in range(5)]
    scope = Scope(person.owned_project.id, person.id)
    missing_rows: MissingRows = gateway.dependencies.get("missing_rows", kind=MissingRows)
    stalled = replace(missing_rows, projection=StalledProjection())
    assert await stalled.write(scope, seconds=0.01) == (True, False)
    write, delay = missing_rows.projection.write, 0.6

    async def slow(rows: Sequence[Row]) -> None:
        await write(rows)
        await asyncio.sleep(delay)

    monkeypatch.setattr(missing_rows.projection, "write", slow)
    _, body = await gateway.get(f"{ONE}?limit=2", person.token)
    assert [one["id"] for one in body["generations"]] == made[:2:-1], "the newest come first"
    assert (body["total"] in (2, 3), body["total_is_exact"]) == (True, False)
    delay = 0
    _, body = await gateway.get(ONE, person.token)
    assert (body["total"], body["total_is_exact"]) == (5, True)


async def test_another_gateway_lists_an_accepted_generation_at_once(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await submitted(gateway, person)
    dependencies = gateway_dependencies(gateway.store, gateway.clock)
    async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
        answer = await client.get(ONE, headers=person.token)
        assert [one["id"] for one in (await answer.json())["generations"]] == [generation]
