"""Old and new processes run side by side under load, and nothing is lost (docs/upgrades.md)."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from tests.journeys.conftest import MakeTenant
from tests.systems.commands import command
from tests.systems.databases import Databases
from tests.systems.next_version import VERSION
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import RabbitServer
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, Tenant, fresh_key

NEXT = {VERSION: "1"}


@pytest.fixture(scope="module")
def system(
    databases: Databases, rabbit_server: RabbitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system of its own, whose processes become the next version."""
    home = tmp_path_factory.mktemp("upgrade")
    with rabbit_server.lent("upgrade") as amqp_url, opened_system(home, databases, amqp_url) as system:
        yield system


async def submit(tenant: Tenant, accepted: list[str]) -> None:
    """Submit generations without end; what no gateway answers is sent again, with the same key."""
    key = fresh_key()
    while True:
        with suppress(aiohttp.ClientConnectionError):
            accepted.append(await tenant.accepted(key=key))
            key = fresh_key()
        await asyncio.sleep(0.4)


async def upgrade(system: System, name: str) -> None:
    await system.terminate(name)
    system.program(name, name, **NEXT)
    await system.restart(name)


async def roll(system: System) -> None:
    """Upgrade in the documented order, and meanwhile the worker twice: an old and a new one share the queues."""
    await upgrade(system, "gateway")
    await upgrade(system, "scheduler")
    system.program("next-worker", "worker", **NEXT)
    await system.restart("next-worker")
    await asyncio.sleep(2)
    await system.terminate("worker")


async def test_a_rolling_upgrade_under_load_loses_nothing(
    system: System, new_tenant: MakeTenant, sandbox: SandboxClient, tmp_path: Path
) -> None:
    tenant = await new_tenant()
    before = await tenant.accepted()
    await tenant.completed(before)
    accepted = [before]
    load = asyncio.create_task(submit(tenant, accepted))
    await roll(system)
    load.cancel()
    await asyncio.wait([load])
    assert load.cancelled(), "no submission was refused"

    for generation in accepted:
        await tenant.completed(generation, within=90)
        assert len(await sandbox.creations(generation)) == 1
        assert (await tenant.get(f"{ONE}/{generation}/events")).status == 200
    listed = {one["id"] for one in (await tenant.get(f"{ONE}?limit=100")).body["generations"]}
    assert listed >= {*accepted}
    assert len(listed) <= len(accepted) + 1, "the last request was canceled, and may have been recorded"
    async with system.open_store() as store:
        bodies = [row["body"] async for row in store.database["commits"].find({"types": "generation.validated"})]
        rows = [row.get("profile") async for row in store.database["generations"].find({})]
    versions = Counter(b"generation.validated:2" in body for body in bodies)
    assert len(versions) == 2, "some were validated by the old version, some by the next"
    assert set(rows) == {"srgb", None}
    env = {**system.env, **NEXT}
    assert (await command("audit", "verify", env=env, cwd=tmp_path)).code == 0
    replayed = await command("audit", "replay", "--json", env=env, cwd=tmp_path)
    assert {one["field"] for one in json.loads(replayed.out)["differences"]} == {"profile"}, "which rows alone have"


async def test_an_old_gateway_refuses_what_a_newer_process_wrote_and_shows_the_rest(
    system: System, new_tenant: MakeTenant
) -> None:
    tenant = await new_tenant()
    new = await tenant.accepted()
    await tenant.completed(new)
    old = tenant.at(system.start_gateway("old-gateway", amqp_url=system.amqp_url or ""))
    answer = await old.get(f"{ONE}/{new}")
    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (503, "server_busy", "2")
    listed = await old.get(f"{ONE}?limit=100")
    assert (listed.status, listed.body["generations"]) == (200, [])
