"""Lost messages and a lost RabbitMQ delay generations and lose none."""

import asyncio

from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import RabbitServer
from tests.systems.system import System
from tests.systems.tenants import Tenant, fetch
from tests.systems.waiting import until

SYSTEM = "whole"


async def test_generations_complete_after_all_messages_are_deleted(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    system.kill("worker")
    generations = await asyncio.gather(*(tenant.accepted() for _ in range(3)))

    await asyncio.gather(*(tenant.completed(generation) for generation in generations))

    assert await asyncio.to_thread(system.purge) > 0
    assert [len(await sandbox.creations(generation)) for generation in generations] == [1, 1, 1]


async def test_losing_rabbitmq_with_all_queues_loses_no_generation(
    tenant: Tenant, sandbox: SandboxClient, system: System, rabbit_server: RabbitServer, virtual_host: str
) -> None:
    rabbit_server.delete(virtual_host)
    await until(lambda: _broker(tenant, "unreachable"), "the gateway has noticed")

    generations = await asyncio.gather(*(tenant.accepted() for _ in range(2)))
    await asyncio.gather(*(tenant.completed(generation) for generation in generations))

    rabbit_server.create(virtual_host)
    await until(lambda: _broker(tenant, "healthy"), "the gateway is connected again")
    later = await tenant.accepted()
    await tenant.completed(later)
    for generation in (*generations, later):
        assert len(await sandbox.creations(generation)) == 1


async def test_a_gateway_without_rabbitmq_accepts_requests(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    lonely = tenant.at(await asyncio.to_thread(system.start_gateway, "second gateway"))
    assert await _broker(lonely, "unreachable")

    generation = await lonely.accepted()

    await lonely.completed(generation)
    assert await system.terminate("second gateway") == {"second gateway": 0}
    assert len(await sandbox.creations(generation)) == 1


async def _broker(tenant: Tenant, status: str) -> bool:
    health = await fetch(tenant.session, tenant.base_url, "/health")
    assert health.status == 200
    return bool(health.body["broker"]["status"] == status)
