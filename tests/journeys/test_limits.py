"""The limits of a tier, over HTTP."""

import asyncio
import json

from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient

SYSTEM = "solo"


async def test_a_second_concurrent_generation_on_the_free_tier_is_refused_with_a_wait(
    new_tenant: MakeTenant, sandbox: SandboxClient
) -> None:
    tenant = await new_tenant("free_starter")
    running = await tenant.spoiled(sandbox, latency_s=2)

    refused = await tenant.submit()

    assert refused.status == 429
    assert refused.body["detail"] == "AI generation rate limit exceeded. Try again later."
    assert refused.body["retry_after"] >= 1
    assert refused.headers["Retry-After"] == str(refused.body["retry_after"])
    await tenant.completed(running)
    await tenant.completed(await tenant.accepted())


async def test_of_many_concurrent_requests_exactly_the_allowed_number_is_accepted(
    new_tenant: MakeTenant, sandbox: SandboxClient
) -> None:
    tenant = await new_tenant("cloud_starter")
    await sandbox.arm(latency_s=3)

    answers = await asyncio.gather(*(tenant.submit() for _ in range(12)))

    assert sorted(answer.status for answer in answers) == [202] * 3 + [429] * 9
    accepted = [answer.body["id"] for answer in answers if answer.status == 202]
    await asyncio.gather(*(tenant.completed(generation) for generation in accepted))


async def test_limits_of_one_developer_do_not_affect_another(new_tenant: MakeTenant, sandbox: SandboxClient) -> None:
    busy, idle = await new_tenant("free_starter"), await new_tenant("free_starter")
    colleague = await new_tenant(beside=busy)
    running = await busy.spoiled(sandbox, latency_s=2)

    assert (await colleague.submit()).status == 429
    other = await idle.accepted()
    await asyncio.gather(busy.completed(running), idle.completed(other))
    assert json.dumps(await idle.resource(other)).count(running) == 0
