"""Clients find their own writes in the next list, before the projection has run."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import FormData

from domain.generation.lifecycle import Timeouts
from gateway.generations.write_through import WriteThrough
from store.generations.projection import Row
from tests.builders.generation import TO_REQUESTED, folded
from tests.gateway.accounts.house import ONE, House, Person, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def submitted(house: House, person: Person, **headers: str) -> str:
    form = FormData()
    form.add_field("example_images", house.picture, filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": "a cat"}))
    form.add_field("metadata", json.dumps({"order": 7, "rush": True}))
    sent = person.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await house.client.post("/api/v1/generation/generate-v2", data=form, headers=sent)
    status, body = await answered(answer)
    assert status == 202, body
    return str(body["id"])


async def listed(house: House, person: Person, query: str, path: str = ONE) -> list[str]:
    status, body = await house.get(f"{path}?{query}", person.token)
    assert status == 200, body
    return [one["id"] for one in body["generations"]]


async def stored(house: House, generation: str) -> Any:
    return (await house.store.projection.stored([generation]))[generation]


async def test_accepted_generation_is_listed_at_once(house: House) -> None:
    person = await house.person()
    generation = await submitted(house, person, X_Request_ID="r-1", Idempotency_Key="k-1")
    for query in ("", "status=pending", "state=requested", "request_id=r-1", "idempotency_key=k-1"):
        assert await listed(house, person, query) == [generation], query
    for query in ("metadata.order=7&metadata.rush=true", "metadata.order=7&status=pending&limit=5"):
        assert await listed(house, person, query) == [generation], query
    whole = f"/api/v1/projects/{person.place.id}/generations"
    status, body = await house.get(whole, person.place.owner.token)
    assert (status, [one["id"] for one in body["generations"]]) == (200, [generation])


async def test_row_equals_the_row_of_the_projection(house: House) -> None:
    person = await house.person()
    generation = await submitted(house, person)
    written = await stored(house, generation)
    await house.project(generation)
    assert await stored(house, generation) == written
    await house.store.projection.remove([generation])
    await house.project(generation)
    assert await stored(house, generation) == written


async def test_older_row_does_not_replace_a_newer_one(house: House) -> None:
    person = await house.person()
    generation = await submitted(house, person)
    early = await house.generations.load(generation)
    assert early is not None
    await house.complete(generation)
    newer = await stored(house, generation)
    write_through = WriteThrough(
        write_rows=house.store.projection.write, personal_data=house.store.personal_data, timeouts=Timeouts()
    )
    await write_through.write(early)
    assert await stored(house, generation) == newer


async def test_cancelled_published_and_deleted_generations_are_listed_so_at_once(house: House) -> None:
    person = await house.person()
    cancelled = await submitted(house, person)
    await house.call("POST", f"{ONE}/{cancelled}/cancel", person.token)
    assert await listed(house, person, "status=failed") == [cancelled]
    shown = await house.completed(person)
    await house.call("PATCH", f"{ONE}/{shown}/public", person.token, {"is_public": True})
    public = "/api/v1/generation/public-generations-v2"
    assert await listed(house, person, "", public) == [shown]
    await house.call("DELETE", f"{ONE}/{shown}", person.token)
    _, body = await house.get(ONE, person.token)
    assert ([one["id"] for one in body["generations"]], body["total"]) == ([cancelled], 1)


async def test_stalled_row_write_delays_an_answer_by_at_most_a_second(house: House) -> None:
    async def never(_: Sequence[Row]) -> None:
        await asyncio.Event().wait()

    write_through = WriteThrough(
        write_rows=never, personal_data=house.store.personal_data, timeouts=Timeouts()
    )
    async with asyncio.timeout(20):
        await write_through.write(folded(TO_REQUESTED), {})
