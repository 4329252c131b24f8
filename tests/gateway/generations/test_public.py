"""The public view of a generation, and when it ends."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.journeys.test_compatibility import validate_fields
from tests.systems.gateway_harness import ONE, GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = "/api/v1/generation/public-generations-v2"
SHOWN = {
    "id", "status", "instructions", "generated_image_url", "result_image_url", "result", "example_images",
    "is_public", "created_at", "updated_at", "completed_at",
}  # fmt: skip


async def published(gateway: GatewayHarness, person: Person, *, is_public: bool = True, generation: str = "") -> Any:
    generation = generation or await gateway.completed(person)
    path = f"{ONE}/{generation}/public"
    status, resource = await gateway.call("PATCH", path, person.token, {"is_public": is_public})
    assert status == 200
    return resource


async def fetched(gateway: GatewayHarness, url: str) -> int:
    """Send a request without a token."""
    parts = urlsplit(url)
    return (await gateway.get(f"{parts.path}?{parts.query}"))[0]


async def test_public_view_shows_picture_and_instructions_and_no_private_field(
    gateway: GatewayHarness,
) -> None:
    person = await gateway.person()
    resource = await published(gateway, person)
    viewer = await gateway.person(person.owned_project)

    status, body = await gateway.get(PUBLIC, viewer.token)

    assert status == 200
    [shown] = body["generations"]
    assert set(shown) == SHOWN
    validate_fields("GenerationResponse", shown)
    assert (shown["id"], shown["is_public"], shown["status"]) == (resource["id"], True, "completed")
    assert person.mark in shown["instructions"]
    assert shown["example_images"] == []
    assert "signature=" not in str(body)
    assert await fetched(gateway, shown["generated_image_url"]) == 200


async def test_owner_gets_permanent_links_of_a_public_generation(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    resource = await published(gateway, person)
    links = [resource["generated_image_url"], resource["result_image_url"], resource["urls"]["image"]]
    assert all("?" not in link for link in links)
    assert [await fetched(gateway, link) for link in links] == [200, 200, 200]
    assert all("signature=" in link for link in resource["example_images"])


async def test_links_of_others_end_when_a_generation_becomes_private(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    viewer = await gateway.person(person.owned_project)
    resource = await published(gateway, person)
    _, body = await gateway.get(PUBLIC, viewer.token)
    [shown] = body["generations"]
    links = [shown["generated_image_url"], shown["result_image_url"], shown["result"]["images"][0]["url"]]

    await published(gateway, person, is_public=False, generation=resource["id"])

    assert (await gateway.get(PUBLIC, viewer.token))[1]["generations"] == []
    assert [await fetched(gateway, link) for link in links] == [401, 401, 401]
    assert "signature=" in (await gateway.get(f"{ONE}/{resource['id']}", person.token))[1]["urls"]["image"]
