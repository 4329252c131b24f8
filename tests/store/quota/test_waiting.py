"""`Retry-After` of full slots, from what runs and what waits (its quality: tests/domain/accounts/test_slot_wait.py)."""

import asyncio
from datetime import timedelta

import pytest

from actors.jobs.holds import release_leaked_holds
from actors.jobs.schedule import JOBS
from domain.accounts.quota import LEAKED_AFTER
from domain.errors import LimitError
from domain.generation.lifecycle import Timeouts
from store.generations.projection import row_of
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from tests.builders.clock import Clock
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, settled, started
from tests.store.quota.conftest import BY_TEST, FREE, QuotaHarness
from tests.stores import OpenStore

[SWEEPS] = [job for job in JOBS if job.run is release_leaked_holds]


@pytest.mark.parametrize("age", [0, 1, 30, 119, 121, 140, 400])
async def test_the_slot_of_a_dead_gateway_is_free_after_the_wait(
    harness: QuotaHarness, store: OpenStore, clock: Clock, age: float
) -> None:
    """It held and never appended; the sweep ran right before, and runs every half minute."""
    await harness.admission.hold("dev-1", "never", period="2026-11", bounds=FREE)
    held_at = clock.now
    clock.forward(seconds=age)
    with pytest.raises(LimitError) as refused:
        await harness.admission.require_free_slot("dev-1", FREE)
    swept_at = max(held_at + LEAKED_AFTER, clock.now) + timedelta(seconds=SWEEPS.period)
    clock.forward(seconds=refused.value.retry_after)
    assert swept_at <= clock.now <= swept_at + timedelta(seconds=10)
    clock.now = swept_at
    await harness.admission.sweep(older_than=swept_at - LEAKED_AFTER)
    await harness.admission.require_free_slot("dev-1", FREE)


async def test_a_hold_whose_append_follows_at_once_is_not_an_orphan(harness: QuotaHarness, store: OpenStore) -> None:
    await harness.admission.hold("dev-1", "g1", period="2026-11", bounds=FREE)
    refusing = asyncio.create_task(harness.admission.require_free_slot("dev-1", FREE))
    await harness.admit("g1", FREE)
    with pytest.raises(LimitError) as refused:
        await refusing
    assert refused.value.retry_after == 30


async def test_the_wait_is_for_the_first_free_slot(harness: QuotaHarness, clock: Clock) -> None:
    bounds = Bounds(100, 2)
    await harness.admission.hold("dev-1", "never", period="2026-11", bounds=bounds)
    clock.forward(seconds=100)
    await harness.admit("g1", bounds)
    with pytest.raises(LimitError) as refused:
        await harness.admission.require_free_slot("dev-1", bounds)
    assert refused.value.retry_after == 30


async def test_durations_of_others_are_added_to_few_own_ones(
    harness: QuotaHarness, store: OpenStore, clock: Clock
) -> None:
    for developer, seconds in (("dev-1", 4), ("dev-2", 9)):
        name = f"of-{developer}"
        await harness.admit(name, Bounds(None, None), developer=developer)
        clock.forward(seconds=seconds)
        await harness.live(name, "completed")
    await harness.admit("still-running", Bounds(None, None))
    assert sorted(await store.durations("dev-1")) == [4.0, 4.0, 9.0]
    assert sorted(await store.durations("nobody")) == [4.0, 9.0]
    rows = store.database["generations"]
    asked = {"developer": "dev-1", "finished_at": {"$type": "date"}}
    fields = {"_id": 0, "created_at": 1, "finished_at": 1, "slot_at": 1}
    plan = await rows.find(asked, fields).sort("created_at", -1).limit(500).explain()
    assert "'indexName': 'held_by_developer'" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT'" not in str(plan["queryPlanner"]["winningPlan"])


async def test_a_refusal_estimates_the_wait_from_recent_durations(
    harness: QuotaHarness, store: OpenStore, clock: Clock
) -> None:

    for number in range(10):
        await harness.admit(f"g{number}")
        clock.forward(seconds=10)
        await harness.live(f"g{number}", "completed")
        await harness.settle(f"g{number}")
    admission = Admission(store.ledger, harness.generations, clock=clock, durations=store.durations)
    await harness.admit("running")
    clock.forward(seconds=4)
    with pytest.raises(LimitError) as refused:
        await admission.require_free_slot("dev-1", Bounds(100, 1))
    assert refused.value.retry_after == 6


async def test_a_refusal_waits_for_those_in_the_queue_as_well(harness: QuotaHarness, store: OpenStore) -> None:
    bounds = Bounds(100, 1, queued=5)
    for number in range(3):
        await harness.admit(f"g{number}", bounds, queue=True)
    with pytest.raises(LimitError) as refused:
        await harness.admission.require_free_slot("dev-1", bounds)
    assert refused.value.retry_after == 3 * 30


async def test_a_wait_for_a_slot_is_no_part_of_a_duration(
    harness: QuotaHarness, store: OpenStore, clock: Clock
) -> None:
    bounds = Bounds(100, 1, queued=5)
    await harness.admit("g1", bounds)
    await harness.admit("g2", bounds, queue=True)
    await harness.admit("never", bounds, queue=True)
    clock.forward(seconds=100)
    await harness.live("g1", "completed")
    await harness.generations.decide("g2", lambda g: [VALIDATED, RESERVED], cause=BY_TEST)
    clock.forward(seconds=7)
    await harness.generations.decide("g2", lambda g: [intended(), started(), settled(), COMPLETED], cause=BY_TEST)
    await harness.live("never", "failed")
    rows = [row_of(one, Timeouts(), {}) for one in await harness.generations.load_all(["g1", "g2", "never"])]
    await store.projection.write(rows)
    assert sorted(await store.durations("dev-9")) == [7.0, 100.0]
