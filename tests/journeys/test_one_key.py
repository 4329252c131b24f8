"""One Idempotency-Key in concurrent requests at two gateways, and after a restart of everything."""

import asyncio
import json
from collections.abc import Iterator

import aiohttp
import pytest
from multidict import CIMultiDict

from tests.builders import pictures
from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import MongoServer
from tests.systems.system import System
from tests.systems.tenants import ONE, SUBMIT, Answer, Tenant, fresh_key

SYSTEM = "own"
PICTURE = pictures.jpeg("coffee.png", (160, 120))


@pytest.fixture(scope="module")
def second_gateway(own_system: System) -> Iterator[str]:
    yield own_system.start_gateway("second gateway")
    own_system.kill("second gateway")


async def sent(tenant: Tenant, key: str, *, file_name: str, boundary: str, picture: bytes = PICTURE) -> Answer:
    """Submit with another multipart framing on a connection of its own."""
    with aiohttp.MultipartWriter("form-data", boundary=boundary) as form:
        part = form.append(picture, CIMultiDict({"Content-Type": "application/octet-stream"}))
        part.set_content_disposition("form-data", name="files", filename=file_name)
        part = form.append(json.dumps({"prompt": "a lighthouse"}))
        part.set_content_disposition("form-data", name="instructions")
    headers = CIMultiDict({**tenant.headers, "Idempotency-Key": key})
    async with (
        aiohttp.ClientSession() as session,
        session.post(tenant.base_url + SUBMIT, data=form, headers=headers) as answer,
    ):
        return Answer(answer.status, answer.headers, await answer.read())


@pytest.mark.parametrize("tier", ["free_starter", "internal"])
async def test_fifty_concurrent_requests_at_two_gateways_are_one_generation(
    new_tenant: MakeTenant, sandbox: SandboxClient, second_gateway: str, tier: str
) -> None:
    tenant, key = await new_tenant(tier), fresh_key()
    gateways = [tenant, tenant.at(second_gateway)] * 25

    answers = await asyncio.gather(*(gateway.submit(PICTURE, key=key) for gateway in gateways))

    assert [answer.status for answer in answers] == [202] * 50
    assert len({answer.data for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert (replayed.count("true"), replayed.count(None)) == (49, 1)
    generation = answers[0].body["id"]
    await tenant.completed(generation)
    assert len(await sandbox.creations(generation)) == 1

    page = (await tenant.get(ONE)).body
    assert ([one["id"] for one in page["generations"]], page["total"]) == ([generation], 1)


async def test_neither_422_nor_429_consumes_an_idempotency_key(new_tenant: MakeTenant, sandbox: SandboxClient) -> None:
    tenant, key = await new_tenant("free_starter"), fresh_key()
    assert (await tenant.submit(b"GIF89a", key=key)).status == 422
    assert (await tenant.submit(PICTURE, prompt=" ", key=key)).status == 422
    running = await tenant.spoiled(sandbox, latency_s=2)
    refused = await tenant.submit(PICTURE, key=key)
    assert (refused.status, refused.body["code"]) == (429, "generation_limit_exceeded")
    await tenant.completed(running)

    answer = await tenant.submit(PICTURE, key=key)

    assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (202, None)
    await tenant.completed(answer.body["id"])


async def test_an_idempotency_key_survives_a_restart_of_everything(
    new_tenant: MakeTenant, system: System, own_mongod: MongoServer, second_gateway: str, sandbox: SandboxClient
) -> None:
    tenant, key = await new_tenant("cloud_starter"), fresh_key()
    colleague = await new_tenant(beside=tenant)
    first = await sent(tenant, key, file_name="one.jpg", boundary="first")
    assert first.status == 202
    generation = first.body["id"]

    system.kill("solo", "second gateway")  # without RabbitMQ, which keeps no key, these and MongoDB are everything
    own_mongod.stop()
    own_mongod.start()
    system.start("solo", "second gateway")

    again = [
        await sent(gateway, key, file_name="two.png", boundary="another")
        for gateway in (tenant, tenant.at(second_gateway))
    ]
    for answer in again:
        assert (answer.status, answer.headers["Idempotency-Replayed"]) == (202, "true")
        assert answer.data == first.data
    changed = pictures.opened(PICTURE)
    changed.putpixel((0, 0), (255, 0, 255))
    other = await sent(tenant, key, file_name="one.jpg", boundary="first", picture=pictures.saved(changed, "PNG"))
    assert (other.status, other.body["code"]) == (422, "idempotency_mismatch")
    theirs = await sent(colleague, key, file_name="one.jpg", boundary="first")
    assert (theirs.status, theirs.headers.get("Idempotency-Replayed")) == (202, None)
    assert theirs.body["id"] != generation
    await tenant.completed(generation, within=120)
    assert len(await sandbox.creations(generation)) == 1
    await colleague.completed(theirs.body["id"], within=120)
