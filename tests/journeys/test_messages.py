"""Messages lost, and RabbitMQ gone: they cost time and nothing else."""

import asyncio

from tests.conftest import Post
from tests.journeys.system import Sandbox, System, until
from tests.journeys.tenants import Tenant, fetch

SYSTEM = "whole"
NOWHERE = "amqp://nobody:nothing@127.0.0.1:1/none"


async def test_all_messages_of_a_run_are_thrown_away_and_it_completes(
    tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    system.kill("worker")
    generations = await asyncio.gather(*(tenant.accepted() for _ in range(3)))

    await asyncio.gather(*(tenant.completed(generation) for generation in generations))

    assert await asyncio.to_thread(system.purge) > 0
    assert [len(await sandbox.creations(generation)) for generation in generations] == [1, 1, 1]


async def test_rabbitmq_vanishes_with_all_its_queues_and_nothing_is_lost(
    tenant: Tenant, sandbox: Sandbox, system: System, post: Post, virtual_host: str
) -> None:
    post.delete(virtual_host)
    await until(lambda: _broker(tenant, "unreachable"), "the gateway has noticed")

    generations = await asyncio.gather(*(tenant.accepted() for _ in range(2)))
    await asyncio.gather(*(tenant.completed(generation) for generation in generations))

    post.create(virtual_host)
    await until(lambda: _broker(tenant, "healthy"), "the gateway is connected again")
    later = await tenant.accepted()
    await tenant.completed(later)
    for generation in (*generations, later):
        assert len(await sandbox.creations(generation)) == 1


async def test_a_gateway_that_never_finds_rabbitmq_takes_requests_all_the_same(
    tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    lonely = tenant.at(await asyncio.to_thread(system.start_second_gateway, NOWHERE))
    assert await _broker(lonely, "unreachable")

    generation = await lonely.accepted()

    await lonely.completed(generation)
    assert await system.terminate("second gateway") == {"second gateway": 0}
    assert len(await sandbox.creations(generation)) == 1


async def _broker(tenant: Tenant, status: str) -> bool:
    health = await fetch(tenant.session, tenant.base_url, "/health")
    assert health.status == 200
    return bool(health.body["broker"]["status"] == status)
