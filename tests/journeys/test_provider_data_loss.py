"""A provider that has lost its data."""

import shutil

from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System

SYSTEM = "solo"


async def test_a_prediction_that_the_provider_has_deleted_fails_and_frees_its_slot(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant("free_starter")
    generation = await tenant.spoiled(sandbox, latency_s=300)
    await tenant.reaches(generation, "started")

    system.kill("sandbox")
    shutil.rmtree(system.home / "sandbox")
    await system.restart("sandbox")

    resource = await tenant.finished(generation, within=90)
    assert (resource["failure"]["code"], resource["failure"]["retryable"]) == ("provider_failed", True)
    await tenant.completed(await tenant.accepted())


async def test_running_predictions_continue_after_a_killed_provider_restarts(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant()
    running = await tenant.spoiled(sandbox, latency_s=2)
    unheard = await tenant.spoiled(sandbox, latency_s=2, webhook="lost")
    for generation in (running, unheard):
        await tenant.reaches(generation, "started")

    await system.restart("sandbox")

    for generation in (running, unheard):
        await tenant.completed(generation)
        assert len(await sandbox.creations(generation)) == 1
