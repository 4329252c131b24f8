"""Pictures of earlier generations as examples: own ones, with the rules of an upload."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import FormData

from tests.builders.pictures import jpeg
from tests.systems.gateway_harness import ONE, GatewayHarness, Person, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATE = "/api/v1/generation/generate-v2"


async def submit(
    gateway: GatewayHarness, person: Person, *fields: tuple[str, str | bytes], query: str = "", **headers: str
) -> tuple[int, Any]:
    form = FormData(default_to_multipart=True)
    for name, value in fields:
        form.add_field(name, value, filename="a.jpg" if isinstance(value, bytes) else None)
    form.add_field("instructions", json.dumps({"prompt": "a cat"}))
    sent = {**person.headers, **headers}
    return await answered(await gateway.client.post(GENERATE + query, data=form, headers=sent))


async def picture(gateway: GatewayHarness, person: Person, path: str) -> bytes:
    async with gateway.client.get(f"{ONE}/{path}", headers=person.token) as answer:
        assert answer.status == 200
        return await answer.read()


async def test_files_and_stored_pictures_are_examples_in_the_order_sent(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    first = await gateway.completed(person)
    result, example = await picture(gateway, person, f"{first}/image"), gateway.picture
    other = jpeg("rocket.jpg", (80, 64))
    fields = ("from_generation", first), ("example_images", other), ("from_example[]", f"{first}/0")
    hashes = [hashlib.sha256(data).hexdigest() for data in (result, other, example)]
    expected = [("expected_hash", one) for one in hashes]
    status, dry = await submit(gateway, person, *fields, *expected, query="?dry_run=true")
    assert (status, [one["sha256"] for one in dry["input"]["example_images"]]) == (200, hashes)
    assert "small_example" in {one["code"] for one in dry["warnings"]}
    status, accepted = await submit(gateway, person, *fields, *expected)
    assert status == 202, accepted
    assert (await gateway.call("DELETE", f"{ONE}/{first}", person.token))[0] == 200
    copies = [await picture(gateway, person, f"{accepted['id']}/examples/{number}") for number in range(3)]
    assert copies == [result, other, example]


async def test_a_picture_that_is_named_equals_the_same_picture_sent(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    first = await gateway.completed(person)
    key = {"Idempotency-Key": "once"}
    status, made = await submit(gateway, person, ("example_images", gateway.picture), **key)
    assert status == 202
    status, again = await submit(gateway, person, ("from_example", first), **key)
    assert (status, again["id"]) == (202, made["id"])
    status, answer = await submit(gateway, person, ("from_generation", first), **key)
    assert (status, answer["code"]) == (422, "idempotency_mismatch")


async def test_what_is_not_there_is_refused_before_anything_is_held(gateway: GatewayHarness) -> None:
    person, other = await gateway.person(), await gateway.person()
    first, foreign = await gateway.completed(person), await gateway.completed(other)
    beside = await gateway.completed(await gateway.person(person.owned_project))
    running, deleted, expired = [await gateway.submit(person) for _ in range(3)]
    assert (await gateway.call("DELETE", f"{ONE}/{deleted}", person.token))[0] in (200, 202)
    await gateway.store.blobs.erase(expired)
    unknown = "00000000-0000-4000-8000-000000000000"
    for field, name, status, code in (
        ("from_generation", foreign, 404, "not_found"),
        ("from_generation", beside, 404, "not_found"),
        ("from_generation", unknown, 404, "not_found"),
        ("from_generation", f"{first}/1", 404, "not_found"),
        ("from_generation", running, 409, "conflict"),
        ("from_example", deleted, 410, "gone"),
        ("from_example", expired, 410, "gone"),
        ("from_example", "latest", 422, "invalid_request"),
    ):
        held = await gateway.store.ledger.account(person.owned_project.owner.id)
        for query in ("", "?dry_run=true"):
            answer = await submit(gateway, person, ("example_images", gateway.picture), (field, name), query=query)
            assert (answer[0], answer[1]["code"]) == (status, code), (field, name, answer)
            assert answer[1]["errors"][0]["loc"][:2] == ["body", field]
        assert await gateway.store.ledger.account(person.owned_project.owner.id) == held


async def test_a_wrong_hash_and_a_sixth_picture_are_refused_as_with_files(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    first = await gateway.completed(person)
    status, answer = await submit(gateway, person, ("from_generation", first), ("expected_hash", "0" * 64))
    assert (status, answer["code"]) == (409, "hash_mismatch")
    status, answer = await submit(gateway, person, *[("from_generation", first)] * 6)
    assert (status, answer["code"]) == (422, "too_many_images")
    for beside in ([], [("example_images", gateway.picture)]):
        status, answer = await submit(gateway, person, *beside, ("from_generation", ""))
        assert (status, answer["code"], answer["errors"][0]["loc"][1]) == (422, "invalid_request", "from_generation")


async def test_a_picture_that_is_deleted_during_the_upload_leaves_nothing(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await gateway.person()
    first = await gateway.completed(person)
    blobs = gateway.store.blobs
    hashes = type(blobs).hashes

    async def then_erased(store: Any, generation: str) -> dict[str, str]:
        found = await hashes(store, generation)
        await blobs.erase(generation)
        return found

    monkeypatch.setattr(type(blobs), "hashes", then_erased)
    before = await gateway.store.database["personal_data"].count_documents({})
    status, answer = await submit(gateway, person, ("from_generation", first))
    assert (status, answer["code"]) == (410, "gone")
    gateway.clock.ahead = timedelta()
    assert await gateway.store.database["personal_data"].count_documents({}) == before
