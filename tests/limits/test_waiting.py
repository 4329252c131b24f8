"""`Retry-After` of full slots: after the wait a slot is free, in 99 of 100 cases."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import LimitError
from domain.quota import seconds_to_free_slot
from store.mongo.store import MongoStore
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from tests.limits.conftest import Clock, Studio

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CASES = 4_000
Draw = Callable[[random.Random], float]

# How long generations may take: steady, spread, with a long tail, mostly quick but sometimes cold.
WORLDS: dict[str, Draw] = {
    "steady": lambda chance: 8 + chance.random(),
    "spread": lambda chance: chance.lognormvariate(2.3, 0.4),
    "exponential": lambda chance: 3 + chance.expovariate(1 / 10),
    "long tail": lambda chance: chance.lognormvariate(2.3, 1.0),
    "sometimes cold": lambda chance: (8 if chance.random() < 0.9 else 95) + chance.expovariate(1 / 2),
}


def met(draw: Draw, history: int, slots: int) -> float:
    """Refuse at random moments; return the share of cases in which a slot was free after the wait."""
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
    """Meet a generation in the middle: age and what is left. Long ones are met more often."""
    durations = [draw(chance) for _ in range(12)]
    [duration] = chance.choices(durations, weights=durations)
    age = chance.random() * duration
    return age, duration - age


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("history", "slots"), [(200, 1), (500, 1), (200, 3)])
def test_whoever_waits_as_told_is_let_in_in_99_of_100_cases(world: str, history: int, slots: int) -> None:
    assert met(WORLDS[world], history, slots) >= 0.99


def test_the_wait_is_no_longer_than_it_must_be_when_generations_are_steady() -> None:
    since = [NOW - timedelta(seconds=4)]
    assert seconds_to_free_slot(since, NOW, [10.0] * 300) == 6
    assert seconds_to_free_slot([*since, NOW], NOW, [10.0] * 300) == 6


def test_with_few_examples_the_wait_is_stretched_and_with_none_it_is_typical() -> None:
    assert seconds_to_free_slot([NOW], NOW, [10.0]) == 34
    assert seconds_to_free_slot([NOW], NOW) == 30
    assert seconds_to_free_slot([NOW - timedelta(seconds=60)], NOW, [10.0]) == 120


async def test_the_examples_are_the_developers_own_and_others_only_beside_few(
    studio: Studio, store: MongoStore, clock: Clock
) -> None:
    for developer, seconds in (("dev-1", 4), ("dev-2", 9)):
        name = f"of-{developer}"
        await studio.admit(name, Bounds(None, None), developer=developer)
        clock.forward(seconds=seconds)
        await studio.live(name, "completed")
    await studio.admit("still-running", Bounds(None, None))
    assert sorted(await store.durations("dev-1")) == [4.0, 4.0, 9.0]
    assert sorted(await store.durations("nobody")) == [4.0, 9.0]
    rows = store.client.get_default_database()["generations"]
    asked = {"developer": "dev-1", "finished_at": {"$type": "date"}}
    fields = {"_id": 0, "created_at": 1, "finished_at": 1}
    plan = await rows.find(asked, fields).sort("finished_at", -1).limit(500).explain()
    assert "durations" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT'" not in str(plan["queryPlanner"]["winningPlan"])


async def test_a_refusal_tells_the_wait_that_the_examples_give(
    studio: Studio, store: MongoStore, clock: Clock
) -> None:

    for number in range(10):
        await studio.admit(f"g{number}")
        clock.forward(seconds=10)
        await studio.live(f"g{number}", "completed")
        await studio.settle(f"g{number}")
    admission = Admission(store.ledger, studio.generations, clock=clock, durations=store.durations)
    await studio.admit("running")
    clock.forward(seconds=4)
    with pytest.raises(LimitError) as refused:
        await admission.look("dev-1", Bounds(100, 1))
    since = clock.now - timedelta(seconds=4)
    assert refused.value.retry_after == seconds_to_free_slot([since], clock.now, [10.0] * 20)
