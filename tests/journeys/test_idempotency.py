"""One Idempotency-Key, one generation."""

import asyncio
from typing import Any

from tests import making
from tests.journeys.conftest import People
from tests.journeys.system import Sandbox
from tests.journeys.tenants import Answer, Tenant, fresh_key

SYSTEM = "solo"
PICTURE = making.jpeg("coffee.png", (160, 120))


def told(answer: Answer) -> dict[str, Any]:
    """The body without the signature of the picture's link, which changes with the hour."""
    body: dict[str, Any] = answer.body
    return {**body, "urls": {**body["urls"], "image": body["urls"]["image"].partition("?")[0]}}


async def test_the_same_again_gets_the_same_answer_while_it_runs_and_after(tenant: Tenant) -> None:
    key = fresh_key()
    first = await tenant.submit(PICTURE, key=key)
    again = await tenant.submit(PICTURE, key=key)
    await tenant.completed(first.body["id"])
    late = await tenant.submit(PICTURE, key=f'"{key}"')

    assert "Idempotency-Replayed" not in first.headers
    for replay in (again, late):
        assert (replay.status, told(replay)) == (202, told(first))
        assert replay.headers["Idempotency-Replayed"] == "true"
        assert replay.headers["Location"] == first.headers["Location"]


async def test_other_content_under_the_same_key_is_refused(tenant: Tenant) -> None:
    key = fresh_key()
    first = await tenant.submit(PICTURE, key=key)
    image = making.opened(PICTURE)
    image.putpixel((0, 0), (255, 0, 255))
    answers = await asyncio.gather(
        tenant.submit(making.saved(image, "PNG"), key=key),
        tenant.submit(PICTURE, key=key, prompt="another prompt"),
        tenant.submit(PICTURE, PICTURE, key=key),
    )

    for answer in answers:
        assert (answer.status, answer.body["code"]) == (422, "idempotency_mismatch")
    assert told(await tenant.submit(PICTURE, key=key)) == told(first)


async def test_ten_at_once_are_one_generation_even_with_a_single_slot(
    people: People, sandbox: Sandbox
) -> None:
    for tier in ("free_starter", "internal"):
        tenant, key = await people(tier), fresh_key()

        answers = await asyncio.gather(*(tenant.submit(PICTURE, key=key) for _ in range(10)))

        assert [answer.status for answer in answers] == [202] * 10
        assert all(told(answer) == told(answers[0]) for answer in answers)
        generation = answers[0].body["id"]
        await tenant.completed(generation)
        assert len(await sandbox.creations(generation)) == 1
        listed = (await tenant.get("/api/v1/generation/generations-v2")).body
        assert [one["id"] for one in listed["generations"]] == [generation]


async def test_a_key_belongs_to_its_user(people: People) -> None:
    one = await people()
    colleague, stranger = await people(beside=one), await people()
    key = fresh_key()
    ids = [(await tenant.submit(PICTURE, key=key)).body["id"] for tenant in (one, colleague, stranger)]
    assert len(set(ids)) == 3


async def test_a_refused_request_does_not_use_up_its_key(people: People) -> None:
    tenant, key = await people("free_starter"), fresh_key()
    assert (await tenant.submit(b"GIF89a", key=key)).status == 422
    running = await tenant.accepted()
    refused = await tenant.submit(PICTURE, key=key)
    assert refused.status in (202, 429)
    await tenant.completed(running)

    answer = await tenant.submit(PICTURE, key=key)
    assert answer.status == 202
    assert ("Idempotency-Replayed" in answer.headers) == (refused.status == 202)
