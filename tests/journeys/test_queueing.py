"""`Prefer: queue`: a submission waits for a slot of its developer, and gets it in turn, whatever dies meanwhile."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import ONE, Answer, Tenant

SYSTEM = "whole"


def preferring(tenant: Tenant, preference: str, **more: str) -> Tenant:
    return replace(tenant, headers={**tenant.headers, "Prefer": preference, **more})


async def queued(tenant: Tenant) -> str:
    answer = await preferring(tenant, "queue").submit()
    assert (answer.status, answer.body["queued"]) == (202, True), answer.data
    assert answer.headers["Preference-Applied"] == "queue"
    return str(answer.body["id"])


async def explained(tenant: Tenant, generation: str) -> dict[str, Any]:
    answer: Answer = await tenant.get(f"{ONE}/{generation}/explain")
    return dict(answer.body)


async def started_at(tenant: Tenant, generation: str) -> str:
    [at] = [one["time"] for one in await tenant.events(generation) if one["type"] == "generation.started"]
    return str(at)


async def test_who_waits_gets_the_slot_in_turn_though_every_process_is_killed(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant("free_starter")
    colleague = await new_tenant(beside=tenant)
    running = await tenant.spoiled(sandbox, latency_s=4)
    own = [await queued(tenant), await queued(tenant)]
    other = await queued(colleague)
    assert (await tenant.submit()).status == 429

    await tenant.reaches(own[0], "validated")
    told = await explained(tenant, own[0])
    assert (told["reason"], told["position"]) == ("slot", 0)
    assert [(await tenant.resource(one))["queue"]["position"] for one in own] == [0, 2]
    queue = (await colleague.resource(other))["queue"]
    assert (queue["position"], queue["possible"], queue["reason"]) == (1, True, None)
    assert queue["estimated_start"] < queue["estimated_completion"]

    system.kill("worker", "scheduler", "gateway")
    system.start()

    await asyncio.gather(*(tenant.completed(one) for one in (running, *own)), colleague.completed(other))
    order = [await started_at(tenant, own[0]), await started_at(colleague, other), await started_at(tenant, own[1])]
    assert order == sorted(order)
    assert (await tenant.resource(own[0]))["queue"] is None


@pytest.mark.parametrize("end", ["canceled", "start_timeout"])
async def test_a_wait_ends_by_cancellation_or_by_its_start_deadline(
    new_tenant: MakeTenant, sandbox: SandboxClient, end: str
) -> None:
    tenant = await new_tenant("free_starter")
    running = await tenant.spoiled(sandbox, latency_s=7)
    waiting = preferring(tenant, "queue")
    waiting = waiting if end == "canceled" else preferring(tenant, "queue", **{"X-Start-Timeout": "5s"})
    answer = await waiting.submit()
    generation = str(answer.body["id"])
    if end == "canceled":
        async with tenant.session.post(f"{tenant.base_url}{ONE}/{generation}/cancel", headers=tenant.headers) as done:
            assert done.status == 200
    failed = await tenant.finished(generation)
    assert (failed["failure"]["code"], failed["cost"]["usd"]) == (end, 0)
    await tenant.completed(running)
    await tenant.completed(await tenant.accepted())
