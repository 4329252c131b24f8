"""`Retry-After` of full slots: after the wait a slot is free, in 99 of 100 cases."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from actors.jobs.holds import release_leaked_holds
from actors.jobs.schedule import JOBS
from domain.accounts.quota import LEAKED_AFTER, seconds_to_free_slot
from domain.errors import LimitError
from store.commits.memory import MemoryEventStore
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.quota.memory_ledger import MemoryLedger
from tests.builders.clock import Clock
from tests.store.quota.conftest import FREE, QuotaHarness
from tests.stores import OpenStore

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CASES = 4_000
DEVELOPERS = 400
[SWEEPS] = [job for job in JOBS if job.run is release_leaked_holds]
Draw = Callable[[random.Random], float]

# Distributions of durations: steady, spread, with a long tail, mostly quick but sometimes cold.
WORLDS: dict[str, Draw] = {
    "steady": lambda chance: 8 + chance.random(),
    "spread": lambda chance: chance.lognormvariate(2.3, 0.4),
    "exponential": lambda chance: 3 + chance.expovariate(1 / 10),
    "long tail": lambda chance: chance.lognormvariate(2.3, 1.0),
    "sometimes cold": lambda chance: (8 if chance.random() < 0.9 else 95) + chance.expovariate(1 / 2),
}


def met(draw: Draw, history: int, slots: int) -> float:
    """Refuse at random times; return the share of cases in which a slot was free after the wait."""
    chance, kept = random.Random(7), 0
    for _ in range(20):
        durations = [draw(chance) for _ in range(history)]
        for _ in range(CASES // 20):
            held = [running(draw, chance) for _ in range(slots)]
            since = [NOW - timedelta(seconds=age) for age, _ in held]
            wait = seconds_to_free_slot(since, NOW, durations)
            kept += wait >= min(left for _, left in held)
    return kept / CASES


def running(draw: Draw, chance: random.Random) -> tuple[float, float]:
    """Choose a running generation: its age and remaining time. Long ones are chosen more often."""
    durations = [draw(chance) for _ in range(12)]
    [duration] = chance.choices(durations, weights=durations)
    age = chance.random() * duration
    return age, duration - age


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("history", "slots"), [(200, 1), (500, 1), (200, 3)])
def test_the_estimated_wait_suffices_in_99_of_100_cases(world: str, history: int, slots: int) -> None:
    assert met(WORLDS[world], history, slots) >= 0.99


@pytest.mark.parametrize("world", ["spread", "sometimes cold"])
async def test_admission_after_the_estimated_wait_succeeds_in_99_of_100_cases(clock: Clock, world: str) -> None:
    """Each case is a developer with two slots, both taken, which is refused, waits, and submits again."""
    draw, chance, let_in = WORLDS[world], random.Random(11), 0
    past = [draw(chance) for _ in range(300)]
    harness, bounds = QuotaHarness(MemoryEventStore(), MemoryLedger(), clock), Bounds(100, 2)

    async def durations(_: str) -> list[float]:
        return past

    admission = Admission(harness.ledger, harness.generations, clock=clock, durations=durations)
    for number in range(DEVELOPERS):
        developer, asked_at = f"dev-{number}", clock.forward(hours=1)
        held = [(f"g{number}-{slot}", *running(draw, chance)) for slot in (1, 2)]
        for name, age, _ in held:
            clock.now = asked_at - timedelta(seconds=age)
            await harness.admit(name, bounds, developer=developer)
        clock.now = asked_at
        with pytest.raises(LimitError) as refused:
            await admission.require_free_slot(developer, bounds)
        for name, _, left in held:
            if left <= refused.value.retry_after:
                await harness.live(name, "completed")
        clock.forward(seconds=refused.value.retry_after)
        with suppress(LimitError):
            await admission.require_free_slot(developer, bounds)
            let_in += 1
    assert let_in >= 0.99 * DEVELOPERS


def test_the_wait_is_tight_for_steady_durations() -> None:
    since = [NOW - timedelta(seconds=4)]
    assert seconds_to_free_slot(since, NOW, [10.0] * 300) == 6
    assert seconds_to_free_slot([*since, NOW], NOW, [10.0] * 300) == 6


def test_few_durations_stretch_the_wait_and_none_give_the_typical_one() -> None:
    assert seconds_to_free_slot([NOW], NOW, [10.0]) == 34
    assert seconds_to_free_slot([NOW], NOW) == 30
    assert seconds_to_free_slot([NOW - timedelta(seconds=60)], NOW, [10.0]) == 120


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
    fields = {"_id": 0, "created_at": 1, "finished_at": 1}
    plan = await rows.find(asked, fields).sort("created_at", -1).limit(500).explain()
    assert "'indexName': 'developer'" in str(plan["queryPlanner"]["winningPlan"])
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
    since = clock.now - timedelta(seconds=4)
    assert refused.value.retry_after == seconds_to_free_slot([since], clock.now, [10.0] * 20)
