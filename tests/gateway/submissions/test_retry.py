"""A retry uses the webhook of its original, which may be forbidden by now."""

import json
from urllib.parse import urlsplit

import pytest
from aiohttp import FormData

from store.quota.ledger import Account
from tests.systems.gateway_harness import ONE, GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("webhook", "status"),
    [
        ("https://hooks.studio.dev/picture", 202),
        ("http://127.0.0.1:9/picture", 422),
        ("ftp://hooks.example", 422),
    ],
)
async def test_a_retry_checks_the_original_webhook_by_the_present_rules(
    gateway: GatewayHarness, webhook: str, status: int
) -> None:
    person = await gateway.person()
    form = FormData()
    form.add_field("example_images", gateway.picture, filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": "a cat"}))
    form.add_field("webhook", "https://hooks.studio.dev/picture")
    sent = await gateway.client.post("/api/v1/generation/generate-v2", data=form, headers=person.headers)
    urls = (await sent.json())["urls"]
    original = (await sent.json())["id"]
    await gateway.complete(original)
    # The operator allowed this URL at the time of the original, and does not any more.
    personal_data = gateway.store.database["personal_data"]
    await personal_data.update_one({"generation": original}, {"$set": {"webhook": webhook}})
    before = await gateway.store.ledger.account(person.owned_project.owner.id)

    assert urls["retry"].endswith(f"{ONE}/{original}/retry")
    answer = await gateway.client.post(f"{ONE}/{original}/retry", headers=person.headers)

    assert answer.status == status
    if status == 422:
        body = await answer.json()
        assert (body["code"], body["detail"][0]["loc"]) == ("invalid_webhook", ["body", "webhook"])
        assert await gateway.store.ledger.account(person.owned_project.owner.id) == before != Account()


async def test_a_resource_contains_the_urls_of_retry_and_explanation(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    _, resource = await gateway.get(f"{ONE}/{generation}", person.token)
    one = f"{ONE}/{generation}"
    for name in ("retry", "explain"):
        assert resource["urls"][name].endswith(f"{one}/{name}")
    status, explanation = await gateway.get(urlsplit(resource["urls"]["explain"]).path, person.token)
    assert (status, explanation["id"]) == (200, generation)
