"""Webhooks of the provider that are lost, duplicated, reordered, early, forged or old."""

import asyncio

from tests.journeys.invariants import history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import Tenant, types

SYSTEM = "solo"
FAULTS = ("lost", "duplicate", "reorder", "before_201", "bad_signature", "stale")
FORGED = ("bad_signature", "stale")


async def test_lost_or_forged_webhooks_still_give_one_final_event(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    generations = {fault: await tenant.spoiled(sandbox, webhook=fault) for fault in FAULTS}

    await asyncio.gather(*(tenant.completed(generation) for generation in generations.values()))

    for fault, generation in generations.items():
        commits = await history(system, generation)
        recorded = [event.type for commit in commits for event in commit.events]
        for once in ("started", "prediction_settled", "completed"):
            assert recorded.count(f"generation.{once}") == 1, fault
        assert types(await tenant.events(generation))[-1] == "completed"
        assert len(await sandbox.creations(generation)) == 1
        if fault in FORGED:
            actors = {event.cause.actor for commit in commits for event in commit.events}
            assert "provider" not in actors, "a forged webhook added an event"


async def test_a_webhook_for_another_generation_is_not_found(tenant: Tenant, sandbox: SandboxClient) -> None:
    generation = await tenant.spoiled(sandbox, latency_s=2)
    await tenant.reaches(generation, "started")
    url = f"{tenant.base_url}/api/v1/provider/replicate/callback"

    for query in ("", f"?g={generation}&a=1", f"?g={generation}&a=1&s={'0' * 64}"):
        async with tenant.session.post(url + query, json={"id": "x", "status": "succeeded"}) as answer:
            assert answer.status == 404
    await tenant.completed(generation)
