"""The tier's limits, seen from outside."""

import asyncio
import json

from tests.journeys.conftest import People
from tests.journeys.system import Sandbox

SYSTEM = "solo"


async def test_a_second_one_at_once_is_refused_on_the_free_tier_with_the_time_to_wait(
    people: People, sandbox: Sandbox
) -> None:
    tenant = await people("free_starter")
    running = await tenant.spoiled(sandbox, latency_s=2)

    refused = await tenant.submit()

    assert refused.status == 429
    assert refused.body["detail"] == "AI generation rate limit exceeded. Try again later."
    assert refused.body["retry_after"] >= 1
    assert refused.headers["Retry-After"] == str(refused.body["retry_after"])
    await tenant.completed(running)
    await tenant.completed(await tenant.accepted())


async def test_twenty_in_a_row_are_never_refused_when_each_waits_for_the_last(people: People) -> None:
    tenant = await people("free_starter")
    for _ in range(20):
        await tenant.completed(await tenant.accepted())


async def test_of_many_at_once_exactly_as_many_as_allowed_are_taken(people: People, sandbox: Sandbox) -> None:
    tenant = await people("cloud_starter")
    await sandbox.arm(latency_s=3)

    answers = await asyncio.gather(*(tenant.submit() for _ in range(12)))

    assert sorted(answer.status for answer in answers) == [202] * 3 + [429] * 9
    accepted = [answer.body["id"] for answer in answers if answer.status == 202]
    await asyncio.gather(*(tenant.completed(generation) for generation in accepted))


async def test_the_limits_of_one_developer_are_nothing_to_another(people: People, sandbox: Sandbox) -> None:
    busy, idle = await people("free_starter"), await people("free_starter")
    colleague = await people(beside=busy)
    running = await busy.spoiled(sandbox, latency_s=2)

    assert (await colleague.submit()).status == 429
    other = await idle.accepted()
    await asyncio.gather(busy.completed(running), idle.completed(other))
    assert json.dumps(await idle.resource(other)).count(running) == 0
