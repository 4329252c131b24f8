"""One Idempotency-Key from everywhere at once, and once more after everything was restarted."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from exemplar.local.rabbitmq_node import RabbitNode, RabbitPorts
from store.mongo.replica_set import initiate_replica_set
from tests import making
from tests.conftest import PASSWORD
from tests.journeys.conftest import People
from tests.journeys.system import Sandbox, System
from tests.journeys.tenants import ONE, SUBMIT, Answer, Tenant, fresh_key

SYSTEM = "whole_own"
PICTURE = making.jpeg("coffee.png", (160, 120))


class Servers:
    """A mongod and a RabbitMQ of one's own, which may be killed."""

    def __init__(self, home: Path) -> None:
        free = Ports(home / "ports.json")
        self.mongod = Mongod(home, free.of("mongod"), os.environ)
        ports = RabbitPorts(*(free.of(name) for name in ("amqp", "distribution", "epmd", "management")))
        self.rabbit = RabbitNode(home, ports, os.environ, password=PASSWORD, definitions=None)

    def start(self) -> None:
        self.mongod.launch()
        self.rabbit.launch()
        self.mongod.wait_ready(initiate_replica_set)
        self.rabbit.wait_ready()

    def kill(self) -> None:
        self.rabbit.node.kill()
        self.rabbit.stop()
        self.mongod.child.kill()
        self.mongod.child.stop()


@pytest.fixture(scope="module")
def servers(
    mongod_installed: None, rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"))
    try:
        servers.start()
        yield servers
    finally:
        servers.kill()


@pytest.fixture(scope="module")
def whole_own_system(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    home = tmp_path_factory.mktemp("one-key")
    system = System(home, servers.mongod.url("journeys"), servers.rabbit.url)
    try:
        system.start()
        yield system
    finally:
        system.close()


@pytest.fixture(scope="module")
def second_gateway(whole_own_system: System, servers: Servers) -> str:
    return whole_own_system.start_second_gateway(servers.rabbit.url)


async def sent(
    tenant: Tenant, key: str, *, file_name: str, boundary: str, picture: bytes = PICTURE
) -> Answer:
    """Submit with a framing of one's own, on a connection of its own."""
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
async def test_fifty_at_once_at_two_gateways_are_one_generation(
    people: People, sandbox: Sandbox, second_gateway: str, tier: str
) -> None:
    tenant, key = await people(tier), fresh_key()
    doors = [tenant, tenant.at(second_gateway)] * 25

    answers = await asyncio.gather(*(door.submit(PICTURE, key=key) for door in doors))

    assert [answer.status for answer in answers] == [202] * 50
    assert len({answer.data for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert (replayed.count("true"), replayed.count(None)) == (49, 1)
    generation = answers[0].body["id"]
    await tenant.completed(generation)
    assert len(await sandbox.creations(generation)) == 1
    listed = (await tenant.get(ONE)).body
    assert ([one["id"] for one in listed["generations"]], listed["total"]) == ([generation], 1)


async def test_neither_422_nor_429_uses_up_a_key(people: People, sandbox: Sandbox) -> None:
    tenant, key = await people("free_starter"), fresh_key()
    assert (await tenant.submit(b"GIF89a", key=key)).status == 422
    assert (await tenant.submit(PICTURE, prompt=" ", key=key)).status == 422
    running = await tenant.spoiled(sandbox, latency_s=2)
    refused = await tenant.submit(PICTURE, key=key)
    assert (refused.status, refused.body["code"]) == (429, "generation_limit_exceeded")
    await tenant.completed(running)

    answer = await tenant.submit(PICTURE, key=key)

    assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (202, None)
    await tenant.completed(answer.body["id"])


async def test_a_key_holds_through_a_restart_of_everything(
    people: People, system: System, servers: Servers, second_gateway: str, sandbox: Sandbox
) -> None:
    tenant, key = await people("cloud_starter"), fresh_key()
    colleague = await people(beside=tenant)
    first = await sent(tenant, key, file_name="one.jpg", boundary="first")
    assert first.status == 202
    generation = first.body["id"]

    system.kill("gateway", "second gateway", "worker", "scheduler")
    servers.kill()
    servers.start()
    system.start("gateway", "second gateway", "worker", "scheduler")

    again = [
        await sent(door, key, file_name="two.png", boundary="another")
        for door in (tenant, tenant.at(second_gateway))
    ]
    for answer in again:
        assert (answer.status, answer.headers["Idempotency-Replayed"]) == (202, "true")
        assert answer.data == first.data
    changed = making.opened(PICTURE)
    changed.putpixel((0, 0), (255, 0, 255))
    other = await sent(
        tenant, key, file_name="one.jpg", boundary="first", picture=making.saved(changed, "PNG")
    )
    assert (other.status, other.body["code"]) == (422, "idempotency_mismatch")
    theirs = await sent(colleague, key, file_name="one.jpg", boundary="first")
    assert (theirs.status, theirs.headers.get("Idempotency-Replayed")) == (202, None)
    assert theirs.body["id"] != generation
    await tenant.completed(generation, within=120)
    assert len(await sandbox.creations(generation)) == 1
    await colleague.completed(theirs.body["id"], within=120)
