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
    write_through: WriteThrough = gateway.dependencies.get("write_through")
    together = await asyncio.gather(*(write_through.catch_up(scope) for _ in range(3)))
    assert together == [True, True, True], "none of them knows whether its list was read before the row was written"
    assert not await write_through.catch_up(scope), "a list that is read now has the row"


async def test_another_gateway_lists_an_accepted_generation_at_once(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await submitted(gateway, person)
    dependencies = gateway_dependencies(gateway.store, gateway.clock)
    async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
        answer = await client.get(ONE, headers=person.token)
        assert [one["id"] for one in (await answer.json())["generations"]] == [generation]
