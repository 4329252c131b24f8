"""A provider that knows nothing any more of what it was asked for."""

import shutil

from tests.journeys.conftest import People
from tests.journeys.system import Sandbox, System

SYSTEM = "solo"


async def test_a_prediction_that_its_provider_forgot_ends_and_frees_its_slot(
    people: People, sandbox: Sandbox, system: System
) -> None:
    tenant = await people("free_starter")
    generation = await tenant.spoiled(sandbox, latency_s=300)
    await tenant.reaches(generation, "started")

    system.kill("sandbox")
    shutil.rmtree(system.home / "sandbox")
    await system.restart("sandbox")

    resource = await tenant.finished(generation, within=90)
    assert (resource["failure"]["code"], resource["failure"]["retryable"]) == ("provider_failed", True)
    await tenant.completed(await tenant.accepted())


async def test_a_provider_that_is_killed_and_comes_back_goes_on_with_what_ran(
    people: People, sandbox: Sandbox, system: System
) -> None:
    tenant = await people()
    running = await tenant.spoiled(sandbox, latency_s=2)
    unheard = await tenant.spoiled(sandbox, latency_s=2, webhook="lost")
    for generation in (running, unheard):
        await tenant.reaches(generation, "started")

    await system.restart("sandbox")

    for generation in (running, unheard):
        await tenant.completed(generation)
        assert len(await sandbox.creations(generation)) == 1
