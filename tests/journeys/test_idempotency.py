"""One Idempotency-Key, one generation."""

import asyncio
from typing import Any

from tests.builders import pictures
from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient
from tests.systems.tenants import Answer, Tenant, fresh_key

SYSTEM = "solo"
PICTURE = pictures.jpeg("coffee.png", (160, 120))


def without_signature(answer: Answer) -> dict[str, Any]:
    """Return the body without the signatures of links, which change every hour."""
    body: dict[str, Any] = answer.body
    return {**body, "urls": {**body["urls"], "image": body["urls"]["image"].partition("?")[0]}}


async def test_a_repeated_request_gets_the_same_response_during_and_after_the_run(tenant: Tenant) -> None:
    key = fresh_key()
    first = await tenant.submit(PICTURE, key=key)
    again = await tenant.submit(PICTURE, key=key)
    await tenant.completed(first.body["id"])
    late = await tenant.submit(PICTURE, key=f'"{key}"')

    assert "Idempotency-Replayed" not in first.headers
    for replay in (again, late):
        assert (replay.status, without_signature(replay)) == (202, without_signature(first))
        assert replay.headers["Idempotency-Replayed"] == "true"
        assert replay.headers["Location"] == first.headers["Location"]


async def test_other_content_under_the_same_key_is_refused(tenant: Tenant) -> None:
    key = fresh_key()
    first = await tenant.submit(PICTURE, key=key)
    image = pictures.opened(PICTURE)
    image.putpixel((0, 0), (255, 0, 255))
    answers = await asyncio.gather(
        tenant.submit(pictures.saved(image, "PNG"), key=key),
        tenant.submit(PICTURE, key=key, prompt="another prompt"),
        tenant.submit(PICTURE, PICTURE, key=key),
    )

    for answer in answers:
        assert (answer.status, answer.body["code"]) == (422, "idempotency_mismatch")
    assert without_signature(await tenant.submit(PICTURE, key=key)) == without_signature(first)


async def test_ten_concurrent_requests_with_one_key_are_one_generation(
    new_tenant: MakeTenant, sandbox: SandboxClient
) -> None:
    for tier in ("free_starter", "internal"):
        tenant, key = await new_tenant(tier), fresh_key()

        answers = await asyncio.gather(*(tenant.submit(PICTURE, key=key) for _ in range(10)))

        assert [answer.status for answer in answers] == [202] * 10
        assert all(without_signature(answer) == without_signature(answers[0]) for answer in answers)
        generation = answers[0].body["id"]
        await tenant.completed(generation)
        assert len(await sandbox.creations(generation)) == 1
        listed = (await tenant.get("/api/v1/generation/generations-v2")).body
        assert [one["id"] for one in listed["generations"]] == [generation]


async def test_an_idempotency_key_belongs_to_its_user(new_tenant: MakeTenant) -> None:
    one = await new_tenant()
    colleague, stranger = await new_tenant(beside=one), await new_tenant()
    key = fresh_key()
    ids = [(await tenant.submit(PICTURE, key=key)).body["id"] for tenant in (one, colleague, stranger)]
    assert len(set(ids)) == 3


async def test_a_refused_request_does_not_use_up_its_key(new_tenant: MakeTenant) -> None:
    tenant, key = await new_tenant("free_starter"), fresh_key()
    assert (await tenant.submit(b"GIF89a", key=key)).status == 422
    running = await tenant.accepted()
    refused = await tenant.submit(PICTURE, key=key)
    assert refused.status in (202, 429)
    await tenant.completed(running)

    answer = await tenant.submit(PICTURE, key=key)
    assert answer.status == 202
    assert ("Idempotency-Replayed" in answer.headers) == (refused.status == 202)
