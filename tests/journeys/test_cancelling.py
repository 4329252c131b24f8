"""Cancelling a generation in any state."""

import asyncio

from events.invocation import GenerationStarted
from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import ONE, Answer, Tenant
from tests.systems.waiting import until

SYSTEM = "solo"


async def cancel(tenant: Tenant, generation: str) -> Answer:
    url = f"{tenant.base_url}{ONE}/{generation}/cancel"
    async with tenant.session.post(url, headers=tenant.headers) as answer:
        return Answer(answer.status, answer.headers, await answer.read())


async def test_cancelling_in_any_state_ends_the_generation_and_frees_its_slot(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant("cloud_starter")
    running = await tenant.spoiled(sandbox, latency_s=30)
    unanswered = await tenant.spoiled(sandbox, create="hang")
    waiting = await tenant.spoiled(sandbox, create="429", retry_after=8)
    await asyncio.gather(
        tenant.reaches(running, "started"),
        tenant.reaches(unanswered, "invoking"),
        tenant.reaches(waiting, "waiting"),
    )
    generations = (running, unanswered, waiting)
    assert (await tenant.submit()).status == 429

    answers = await asyncio.gather(*(cancel(tenant, generation) for generation in generations))

    assert {answer.status for answer in answers} <= {200, 202}
    for resource in await asyncio.gather(*map(tenant.finished, generations)):
        assert (resource["status"], resource["failure"]["code"]) == ("failed", "canceled")
        assert resource["generated_image_url"] is None
    [paid] = [
        event.event
        for commit in await history(system, running)
        for event in commit.events
        if isinstance(event.event, GenerationStarted)
    ]
    prediction = await sandbox.prediction(paid.prediction, system.secrets.sandbox_token)
    assert prediction["status"] == "canceled"
    again = await cancel(tenant, running)
    assert again.body["cost"]["usd"] is not None
    assert again.body["cost"]["predict_seconds"] == prediction["metrics"]["predict_time"]
    assert (again.status, again.body["status"]) == (200, "failed")
    assert await sandbox.creations(unanswered) == []
    fresh = [await tenant.accepted() for _ in generations]
    await asyncio.gather(*map(tenant.completed, fresh))


async def test_a_success_after_the_cancel_request_is_not_delivered(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    generation = await tenant.spoiled(sandbox, create="drop_after_commit", webhook="lost")
    assert (await cancel(tenant, generation)).status in (200, 202)

    resource = await tenant.finished(generation)

    assert resource["failure"]["code"] == "canceled"
    types = [event.type for commit in await history(system, generation) for event in commit.events]
    assert "generation.completed" not in types
    assert len(await sandbox.creations(generation)) == 1


async def test_a_cancel_request_during_the_download_is_honoured(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    generation = await tenant.spoiled(sandbox, output="slow")

    async def fetching() -> bool:
        events = [event for commit in await history(system, generation) for event in commit.events]
        return any(event.type == "generation.prediction_settled" for event in events)

    await until(fetching, "the prediction is settled")
    await cancel(tenant, generation)

    resource = await tenant.finished(generation)
    assert (resource["status"], resource["failure"]["code"]) == ("failed", "canceled")
