"""The product in one process, killed while a receiver is down: no delivery is lost."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import standardwebhooks

from tests.systems.system import System
from tests.systems.tenants import make_tenant, small
from tests.systems.waiting import until
from tests.systems.webhook_receiver import accept, open_receiver, refuse

SETTINGS = {
    "EXEMPLAR_WEBHOOK_ALLOW": "127.0.0.1",
    "EXEMPLAR_WEBHOOK_LEASE_SECONDS": "3",
    "EXEMPLAR_WEBHOOK_TIMEOUT_SECONDS": "2",
    "EXEMPLAR_WEBHOOK_TIME_SCALE": "0.001",
}


@pytest.fixture
def system(mongodb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    system = System(tmp_path, mongodb_url, None)
    try:
        system.start()
        yield system
    finally:
        system.close()


async def test_a_webhook_survives_a_kill_and_is_signed_with_the_default_secret(
    system: System,
) -> None:
    async with open_receiver() as receiver, aiohttp.ClientSession() as session:
        receiver.respond = refuse(503)
        tenant = await make_tenant(system, session, "internal")
        form = aiohttp.FormData()
        form.add_field("example_images", small(), filename="a.jpg", content_type="image/jpeg")
        form.add_field("instructions", '{"prompt": "a lighthouse"}')
        form.add_field("webhook", receiver.url)
        for word in ("start", "completed"):
            form.add_field("webhook_events_filter", word)
        url = f"{system.base_url}/api/v1/generation/generate-v2"
        async with session.post(url, data=form, headers=tenant.headers) as answer:
            assert answer.status == 202, await answer.text()
            generation = (await answer.json())["id"]
        await until(lambda: receiver.requests, "a first attempt")

        await system.restart("solo")
        receiver.respond = accept
        refused_ones = len(receiver.requests)
        await until(lambda: "completed" in receiver.types[refused_ones:], "the final event", within=60)
        await until(lambda: "started" in receiver.types[refused_ones:], "the first event", within=60)

        secret = await tenant.get("/api/v1/webhooks/default/secret", **dict(tenant.headers))
        assert secret.status == 200, secret.data
        for received in receiver.requests:
            standardwebhooks.Webhook(secret.body["key"]).verify(received.body, dict(received.headers))
            assert received.message["data"]["id"] == generation
        assert len({received.id for received in receiver.requests}) == 2
        assert receiver.url not in system.log_file("solo").read_text()
        await asyncio.to_thread(system.kill, "solo")


async def test_a_webhook_to_a_forbidden_address_is_refused(system: System) -> None:
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(system, session, "internal")
        form = aiohttp.FormData()
        form.add_field("example_images", small(), filename="a.jpg", content_type="image/jpeg")
        form.add_field("instructions", '{"prompt": "a lighthouse"}')
        form.add_field("webhook", "https://169.254.169.254/latest/meta-data")
        url = f"{system.base_url}/api/v1/generation/generate-v2"
        async with session.post(url, data=form, headers=tenant.headers) as answer:
            body = await answer.json()
        assert (answer.status, body["code"]) == (422, "invalid_webhook")
        assert body["detail"][0]["loc"] == ["body", "webhook"]
