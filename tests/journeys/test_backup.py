"""A system is restored from a backup, without its messages: what was under way ends, and nothing is paid twice."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from tests.journeys.conftest import MakeTenant
from tests.systems.commands import Done, command
from tests.systems.databases import Databases
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import RabbitServer
from tests.systems.system import System, opened_system
from tests.systems.tenants import fresh_key

PROCESSES = ("gateway", "worker", "scheduler")


@pytest.fixture(scope="module")
def system(
    databases: Databases, rabbit_server: RabbitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system of its own, whose database is lost."""
    home = tmp_path_factory.mktemp("backup")
    with rabbit_server.lent("backup") as amqp_url, opened_system(home, databases, amqp_url) as system:
        yield system


async def exemplar(system: System, *arguments: str) -> Done:
    done = await command(*arguments, "--json", env=system.env, cwd=system.home)
    assert done.code == 0, (done.out, done.error)
    return done


async def hold(system: System, session: aiohttp.ClientSession, *, held: bool) -> None:
    """Hold back all paid calls, or let them go on."""
    url, headers = f"{system.base_url}/api/v1/controls/providers/replicate", system.secrets.operator_key
    method, body = ("PUT", {"reason": "maintenance"}) if held else ("DELETE", None)
    async with session.request(method, url, json=body, headers={"X-Operator-Key": headers}) as answer:
        assert answer.status in (200, 204), await answer.text()
    await asyncio.sleep(1.2)  # every process reads the controls once a second


async def lose_everything(system: System) -> None:
    """Kill the processes, drop the database and empty the queues."""
    system.kill(*PROCESSES)
    async with system.open_store() as store:
        await store.database.client.drop_database(store.database.name)
    system.purge()


async def test_a_lost_system_is_restored_to_a_moment_and_completes_what_was_under_way(
    system: System, new_tenant: MakeTenant, sandbox: SandboxClient, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    tenant, folder = await new_tenant(), str(tmp_path / "backup")
    done = await tenant.accepted()
    await tenant.completed(done)
    await exemplar(system, "backup", "create", folder)
    running = await tenant.spoiled(sandbox, latency_s=3)
    await tenant.reaches(running, "started")
    await hold(system, session, held=True)
    waiting = await tenant.accepted()
    state = (await tenant.reaches(waiting, "validated", "reserved"))["state"]
    moment = datetime.now(UTC)
    await asyncio.sleep(1)  # a moment is a whole second

    # What follows is lost: the generation that waited is paid for, and so is one more.
    await hold(system, session, held=False)
    key = fresh_key()
    repeated = await tenant.accepted(key=key)
    for generation in (waiting, repeated):
        await tenant.completed(generation)
    await exemplar(system, "backup", "create", folder)
    await lose_everything(system)
    restored = await exemplar(system, "backup", "restore", folder, "--at", moment.isoformat())
    assert datetime.fromisoformat(json.loads(restored.out)["restored_at_moment"]) <= moment
    assert json.loads((await exemplar(system, "audit", "verify")).out)["ok"]

    system.start()
    assert (await tenant.resource(waiting))["state"] in (state, "reserved")
    assert (await tenant.get(f"/api/v1/generation/generations-v2/{repeated}")).status == 404
    await hold(system, session, held=False)
    again = await tenant.accepted(key=key)
    assert again == repeated
    for generation in (done, running, waiting, repeated):
        await tenant.completed(generation)
        assert len(await sandbox.creations(generation)) == 1, generation
    assert json.loads((await exemplar(system, "audit", "verify")).out)["ok"]
