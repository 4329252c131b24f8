"""Processes killed, or asked to end, in the middle of the work."""

import asyncio

import aiohttp

from tests.journeys.conftest import People
from tests.journeys.oracles import history
from tests.journeys.system import Sandbox, System
from tests.journeys.tenants import Answer, Tenant, fresh_key

SYSTEM = "whole"
OURS = ("gateway", "worker", "scheduler")


async def test_a_worker_killed_at_any_moment_of_the_call_still_leads_to_one_picture(
    tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    unanswered = await tenant.spoiled(sandbox, create="hang")
    unknown = await tenant.spoiled(sandbox, create="drop_after_commit", webhook="lost")
    running = await tenant.spoiled(sandbox, latency_s=3)
    await tenant.reaches(running, "started")
    await tenant.reaches(unanswered, "invoking")

    system.kill("worker")
    fresh = await tenant.accepted()
    system.start("worker")

    generations = (unanswered, unknown, running, fresh)
    await asyncio.gather(*(tenant.completed(generation) for generation in generations))
    made = await asyncio.gather(*(sandbox.creations(generation) for generation in generations))
    assert [len(creations) for creations in made] == [1, 1, 1, 1]


async def test_a_killed_scheduler_is_missed_by_nobody_and_its_successor_asks_for_what_it_missed(
    tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    system.kill("scheduler")
    unheard = await tenant.spoiled(sandbox, webhook="lost")
    plain = await tenant.accepted()

    await tenant.completed(plain)
    assert (await tenant.resource(unheard))["status"] in ("pending", "processing")
    system.start("scheduler")
    await tenant.completed(unheard)


async def test_a_client_of_a_killed_gateway_repeats_itself_and_gets_the_same_generation(
    tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    keys = [fresh_key() for _ in range(8)]
    sending = asyncio.gather(*(_attempt(tenant, key) for key in keys))
    await asyncio.sleep(0)  # the requests are on their way
    system.kill("gateway")
    first = await sending
    system.start("gateway")

    again = await asyncio.gather(*(tenant.submit(key=key) for key in keys))
    assert {answer.status for answer in again} == {202}
    for before, after in zip(first, again, strict=True):
        assert before is None or before.body["id"] == after.body["id"]
    generations = {answer.body["id"] for answer in again}
    assert len(generations) == len(keys)
    await asyncio.gather(*(tenant.completed(generation) for generation in generations))
    assert [len(await sandbox.creations(generation)) for generation in generations] == [1] * len(keys)


async def _attempt(tenant: Tenant, key: str) -> Answer | None:
    try:
        return await tenant.submit(key=key)
    except aiohttp.ClientError:
        return None


async def test_every_process_ends_in_order_under_load_and_loses_nothing(
    people: People, sandbox: Sandbox, system: System
) -> None:
    tenant = await people()
    accepted: list[str] = []

    async def load() -> None:
        while True:
            try:
                answer = await tenant.submit()
            except aiohttp.ClientError:
                return  # the door is closed
            if answer.status == 202:
                accepted.append(answer.body["id"])

    clients = [asyncio.create_task(load()) for _ in range(3)]
    while len(accepted) < 6:
        await asyncio.sleep(0.05)
    codes = await system.terminate("worker", "scheduler", "gateway")
    await asyncio.gather(*clients)
    assert codes == dict.fromkeys(OURS, 0)

    system.start()
    await asyncio.gather(*(tenant.completed(generation, within=90) for generation in accepted))
    for generation in accepted:
        attempts = [event.event for c in await history(system, generation) for event in c.events]
        lost = sum(event.type == "generation.invocation_lost" for event in attempts)
        assert len(await sandbox.creations(generation)) <= 1 + lost
