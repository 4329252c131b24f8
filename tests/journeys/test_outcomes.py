"""Predictions without a usable picture fail with their reason and release the unit."""

import asyncio

from events.quota import QuotaSettled
from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import Tenant
from tests.systems.waiting import until

SYSTEM = "solo"
OUTCOMES = {
    "failed": "provider_failed",
    "E1001": "provider_failed",
    "E6716": "provider_failed",
    "nsfw": "content_flagged",
    "canceled": "provider_canceled",
}
OUTPUTS = {
    "404": "output_unavailable",
    "truncated": "output_invalid",
    "huge": "output_invalid",
    "redirect": "output_invalid",
    "wrong_type": "output_invalid",
}


async def test_every_bad_outcome_and_output_fails_with_its_reason_and_without_cost(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant()
    expected = {await tenant.spoiled(sandbox, outcome=name): code for name, code in OUTCOMES.items()}
    expected |= {await tenant.spoiled(sandbox, output=name): code for name, code in OUTPUTS.items()}

    resources = await asyncio.gather(*(tenant.finished(generation) for generation in expected))

    for resource, code in zip(resources, expected.values(), strict=True):
        assert resource["status"] == "failed"
        assert resource["failure"]["code"] == code
        assert resource["failure"]["message"] == resource["error"]
        assert resource["generated_image_url"] is None
        assert resource["result"] is None
    assert await sandbox.trapped() == 0, "a redirect was followed"
    for generation in expected:
        assert await _settlement(system, generation) == "released"
    async with system.open_store() as store:
        account = await store.ledger.account(tenant.developer)
    assert not account.slots
    assert sum(units for _, units in account.used) == 0


async def test_a_completed_generation_spends_its_unit(new_tenant: MakeTenant, system: System) -> None:
    tenant = await new_tenant("cloud_starter")
    generation = await tenant.accepted()
    await tenant.completed(generation)

    assert await _settlement(system, generation) == "spent"
    async with system.open_store() as store:
        account = await store.ledger.account(tenant.developer)
    assert sum(units for _, units in account.used) == 1


async def _settlement(system: System, generation: str) -> str:
    async def found() -> list[str]:
        events = [event.event for commit in await history(system, generation) for event in commit.events]
        return [event.outcome for event in events if isinstance(event, QuotaSettled)]

    (outcome,) = await until(found, "the quota is settled in the log")
    return str(outcome)


async def test_provider_texts_are_not_shown(tenant: Tenant, sandbox: SandboxClient) -> None:
    resource = await tenant.finished(await tenant.spoiled(sandbox, outcome="E6716"))
    assert "E6716" not in str(resource)
