"""Processes that are killed or terminated during work."""

import asyncio
import os
import random
import sys
from collections.abc import Sequence

import aiohttp

from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import Answer, Tenant, fresh_key
from tests.systems.waiting import until

SYSTEM = "whole"
FAULTS: tuple[dict[str, object], ...] = (
    {},
    {"create": "drop_after_commit"},
    {"create": "drop_after_commit", "webhook": "lost"},
    {"create": "hang"},
    {"create": "500"},
    {"create": "truncated", "webhook": "reorder"},
    {"create": "429", "retry_after": 1},
    {"webhook": "lost"},
    {"webhook": "duplicate"},
    {"webhook": "before_201"},
    {"outcome": "failed"},
    {"output": "404"},
    {"latency_s": 2},
)
OURS = ("gateway", "worker", "scheduler")


async def test_a_worker_killed_around_the_paid_call_leads_to_one_picture(
    tenant: Tenant, sandbox: SandboxClient, system: System
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


async def test_the_next_scheduler_reconciles_what_a_killed_one_missed(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    system.kill("scheduler")
    unheard = await tenant.spoiled(sandbox, webhook="lost")
    plain = await tenant.accepted()

    await tenant.completed(plain)
    assert (await tenant.resource(unheard))["status"] in ("pending", "processing")
    system.start("scheduler")
    await tenant.completed(unheard)


async def test_a_repeated_request_after_a_killed_gateway_gets_the_same_generation(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    for _ in range(9):  # on a busy machine all may be answered before the kill
        keys = [fresh_key() for _ in range(16)]
        first = await _killed_under_way(tenant, system, keys)
        system.start("gateway")
        if None in first:
            break
    assert None in first, "no request was affected"

    again = await asyncio.gather(*(tenant.submit(key=key) for key in keys))
    assert {answer.status for answer in again} == {202}
    for before, after in zip(first, again, strict=True):
        assert before is None or before.body["id"] == after.body["id"]
    generations = {answer.body["id"] for answer in again}
    assert len(generations) == len(keys)
    await asyncio.gather(*(tenant.completed(generation) for generation in generations))
    assert [len(await sandbox.creations(generation)) for generation in generations] == [1] * len(keys)


async def _killed_under_way(tenant: Tenant, system: System, keys: Sequence[str]) -> list[Answer | None]:
    """Send a request for each key, and kill the gateway when the first is recorded."""
    recorded = _appended(system)
    sending = asyncio.gather(*(_attempt(tenant, key) for key in keys))
    await until(lambda: _appended(system) > recorded, "the first is recorded", every=0.001)
    system.kill("gateway")
    return await sending


def _appended(system: System) -> int:
    return system.log_file("gateway").read_bytes().count(b'"event": "events_appended"')


async def _attempt(tenant: Tenant, key: str) -> Answer | None:
    try:
        return await tenant.submit(key=key)
    except (aiohttp.ClientError, TimeoutError):
        return None


async def test_random_kills_stops_and_faults_lose_and_double_nothing(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    seed = int(os.environ.get("JOURNEY_SEED") or random.SystemRandom().randrange(1, 2**32))
    sys.stdout.write(f"JOURNEY_SEED={seed}\n")
    chance = random.Random(seed)
    generations: list[str] = []

    async def submit_until_accepted(key: str) -> None:
        await sandbox.arm(times=1, **chance.choice(FAULTS))
        answer = await until(lambda: _accepted(tenant, key), f"{key} is accepted", within=60, every=0.3)
        generations.append(answer.body["id"])

    faults = asyncio.create_task(_inject_faults(system, chance))
    while len(generations) < 16 or not faults.done():
        count = len(generations)
        await asyncio.gather(*(submit_until_accepted(f"{seed}-{count + n}") for n in range(4)))
        await asyncio.sleep(0.5)  # the load is even, so that what is checked does not depend on the machine's speed
    await faults
    await asyncio.gather(*(tenant.finished(generation, within=90) for generation in generations))


async def _inject_faults(system: System, chance: random.Random) -> None:
    """Kill or freeze processes a few times; a frozen one continues after its claim has expired."""
    for _ in range(int(os.environ.get("JOURNEY_KILLS") or 2)):
        names = chance.sample(OURS, chance.choice((1, 1, 2, 3)))
        if chance.random() < 0.4:
            await system.freeze(names[0], seconds=chance.uniform(3.5, 5))
        else:
            await system.restart(*names)


async def _accepted(tenant: Tenant, key: str) -> Answer | None:
    answer = await _attempt(tenant, key)
    return answer if answer is not None and answer.status == 202 else None


async def test_every_process_stops_cleanly_under_load_and_loses_nothing(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant()
    accepted: list[str] = []

    async def load() -> None:
        while True:
            try:
                answer = await tenant.submit()
            except aiohttp.ClientError:
                return  # the gateway does not listen any more
            if answer.status == 202:
                accepted.append(answer.body["id"])

    clients = [asyncio.create_task(load()) for _ in range(3)]
    await until(lambda: len(accepted) >= 6, "the system is under load")
    codes = await system.terminate(*OURS)
    await asyncio.gather(*clients)
    assert codes == dict.fromkeys(OURS, 0)

    system.start()
    await asyncio.gather(*(tenant.completed(generation, within=90) for generation in accepted))
    for generation in accepted:
        attempts = [event.event for c in await history(system, generation) for event in c.events]
        lost = sum(event.type == "generation.invocation_lost" for event in attempts)
        assert len(await sandbox.creations(generation)) <= 1 + lost
