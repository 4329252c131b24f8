"""Units and slots where it is hard: tiers that change, months that turn, holds that leak or come too late."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from actors.handlers import quota
from actors.hands import Hands
from actors.jobs.cleanup import sweep_holds
from actors.jobs.desk import Desk
from domain.accounts.tiers import TIERS, Tier
from domain.errors import LimitError
from domain.generation.generation import Generation, stream_of
from events.envelope import RecordedEvent
from events.generation import QuotaReserved
from store.mongo.store import MongoStore
from store.quota.ledger import Account, Bounds
from tests.builders.generation import VALIDATED, failed
from tests.clock import Clock
from tests.store.quota.conftest import BY_TEST, FREE, Lifecycle

CLOUD = Bounds(monthly=1_000, concurrent=3)
UNLIMITED = Bounds(monthly=None, concurrent=None)
NOVEMBER, DECEMBER = "2026-11", "2026-12"


async def account(store: MongoStore) -> Account:
    return await store.ledger.account("dev-1")


def hands_of(lifecycle: Lifecycle, tiers: Mapping[str, Tier] = TIERS) -> Hands:
    """The quota actor's dependencies; it asks for no others."""
    used: Any = {
        "generations": lifecycle.generations,
        "admission": lifecycle.admission,
        "tiers": tiers,
        "clock": lifecycle.clock,
    }
    return Hands(**(dict.fromkeys(Hands.__dataclass_fields__) | used))


def message(generation: Generation) -> RecordedEvent:
    return RecordedEvent(stream_of(generation.id), 2, generation.updated_at, VALIDATED, BY_TEST)


async def test_after_a_downgrade_nothing_that_runs_is_harmed_and_new_ones_wait_until_below(
    lifecycle: Lifecycle, store: MongoStore
) -> None:
    for name in ("g1", "g2", "g3"):
        await lifecycle.admit(name, CLOUD)
    for name in ("g1", "g2"):
        with pytest.raises(LimitError):
            await lifecycle.admit("refused", FREE)
        await lifecycle.run_to(name, "completed")
        await lifecycle.settle(name)
    with pytest.raises(LimitError):
        await lifecycle.admit("refused", FREE)
    await quota.handle(message(await lifecycle.run_to("g3", "running")), hands=hands_of(lifecycle))
    running = await lifecycle.generations.load("g3")
    assert running is not None
    assert running.status == "pending"
    await lifecycle.run_to("g3", "failed")
    await lifecycle.admit("accepted", FREE)
    assert (await account(store)).used_in(NOVEMBER) == 3


async def test_what_runs_under_a_tier_that_is_configured_no_more_is_reserved_and_settled(
    lifecycle: Lifecycle, store: MongoStore
) -> None:
    hands = hands_of(lifecycle, tiers={})
    generation = await lifecycle.admit("g1", FREE)
    await lifecycle.events.append(
        stream_of("g1"), generation.version, [VALIDATED], cause=BY_TEST, time=lifecycle.clock()
    )
    await quota.handle(message(generation), hands=hands)
    reserved = await lifecycle.generations.load("g1")
    assert reserved is not None
    assert reserved.quota == "held"
    await lifecycle.events.append(
        stream_of("g1"),
        reserved.version,
        [failed("canceled", "gateway")],
        cause=BY_TEST,
        time=lifecycle.clock(),
    )
    await quota.handle(message(generation), hands=hands)
    settled = await lifecycle.generations.load("g1")
    assert settled is not None
    assert settled.quota == "released"
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), 0)


async def test_a_downgrade_below_what_was_used_refuses_to_the_months_end(
    lifecycle: Lifecycle, clock: Clock
) -> None:
    for number in range(5):
        await lifecycle.admit(f"g{number}", CLOUD)
        await lifecycle.run_to(f"g{number}", "completed")
    with pytest.raises(LimitError) as refused:
        await lifecycle.admit("g5", Bounds(monthly=4, concurrent=1))
    month_end = datetime(2026, 12, 1, tzinfo=UTC)
    assert refused.value.retry_after == (month_end - clock()).total_seconds()


async def test_an_upgrade_counts_at_once_and_what_was_used_stays_used(
    lifecycle: Lifecycle, store: MongoStore
) -> None:
    await lifecycle.admit("g1", Bounds(1, 1))
    with pytest.raises(LimitError):
        await lifecycle.admit("g2", Bounds(1, 1))
    await lifecycle.admit("g2", CLOUD)
    await lifecycle.admit("g3", UNLIMITED)
    assert (await account(store)).used_in(NOVEMBER) == 3


async def test_the_internal_tier_is_never_refused_and_still_counted(
    lifecycle: Lifecycle, store: MongoStore
) -> None:
    tier = TIERS["internal"]
    bounds = Bounds(tier.monthly, tier.concurrent)
    assert bounds == UNLIMITED
    await asyncio.gather(*(lifecycle.admit(f"g{number}", bounds) for number in range(40)))
    assert len((await account(store)).slots) == (await account(store)).used_in(NOVEMBER) == 40


@pytest.mark.parametrize(("end", "november"), [("completed", 1), ("failed", 0)])
async def test_a_unit_belongs_to_the_month_of_its_admission_whenever_it_ends(
    lifecycle: Lifecycle, store: MongoStore, clock: Clock, end: str, november: int
) -> None:
    clock.set(datetime(2026, 11, 30, 23, 59, 59, 900_000, tzinfo=UTC))
    await lifecycle.admit("old", CLOUD)
    clock.forward(seconds=1)
    assert (await lifecycle.admit("new", CLOUD)).request.period == DECEMBER
    await lifecycle.run_to("old", end)
    settled = await lifecycle.settle("old")
    assert settled.quota == ("spent" if end == "completed" else "released")
    assert ((await account(store)).used_in(NOVEMBER), (await account(store)).used_in(DECEMBER)) == (
        november,
        1,
    )


async def test_a_hold_that_is_repeated_in_the_next_month_keeps_its_month(
    lifecycle: Lifecycle, clock: Clock
) -> None:
    """A request with an Idempotency-Key dies after its hold, and comes again when the month has turned."""
    clock.set(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    await lifecycle.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)
    clock.forward(seconds=5)
    assert (await lifecycle.admit("g1", FREE)).request.period == NOVEMBER


async def test_the_sweep_frees_a_hold_without_a_stream_after_two_minutes(
    lifecycle: Lifecycle, store: MongoStore, clock: Clock
) -> None:
    await lifecycle.admission.hold("dev-1", "never", period=NOVEMBER, bounds=FREE)
    desk = cast("Desk", SweepingDesk(hands_of(lifecycle)))
    clock.forward(seconds=119)
    assert await sweep_holds(desk) == 0
    clock.forward(seconds=2)
    assert await sweep_holds(desk) == 1
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), 0)


class SweepingDesk:
    """What the sweep of holds is handed."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands


async def test_a_hold_that_is_renewed_while_the_sweep_looks_is_not_freed(
    lifecycle: Lifecycle, store: MongoStore, clock: Clock
) -> None:
    await lifecycle.admission.hold("dev-1", "slow", period=NOVEMBER, bounds=FREE)
    limit = clock.forward(minutes=3) - timedelta(minutes=2)
    await lifecycle.admission.hold("dev-1", "slow", period=NOVEMBER, bounds=FREE)
    await store.ledger.settle("dev-1", "slow", "released", held_before=limit)
    assert (await account(store)).holds("slow")
    assert await lifecycle.admission.sweep(older_than=limit) == 0


async def test_a_hold_that_was_swept_before_its_late_append_is_taken_again(
    lifecycle: Lifecycle, store: MongoStore
) -> None:
    await lifecycle.admit("late", FREE)
    await store.ledger.settle("dev-1", "late", "released")
    await lifecycle.events.append(stream_of("late"), 1, [VALIDATED], cause=BY_TEST, time=lifecycle.clock())
    generation = await lifecycle.generations.load("late")
    assert generation is not None
    await quota.handle(message(generation), hands=hands_of(lifecycle))
    commits = await lifecycle.events.read(stream_of("late"))
    reserved = commits[-1].events[-1].event
    assert isinstance(reserved, QuotaReserved)
    assert (reserved.used, reserved.slots) == (1, 1)
    assert (await account(store)).holds("late")


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_message_that_comes_after_the_end_takes_nothing(
    lifecycle: Lifecycle, store: MongoStore, end: str
) -> None:
    generation = await lifecycle.admit("g1", FREE)
    await lifecycle.run_to("g1", end)
    await lifecycle.settle("g1")
    before = await account(store)
    for _ in range(2):
        await quota.handle(replace(message(generation)), hands=hands_of(lifecycle))
    assert await account(store) == before


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_hold_that_came_after_the_settlement_is_given_back_by_whoever_finds_it(
    lifecycle: Lifecycle, store: MongoStore, clock: Clock, end: str
) -> None:
    await lifecycle.admit("g1", FREE)
    await lifecycle.run_to("g1", end)
    await lifecycle.settle("g1")
    units = (await account(store)).used_in(NOVEMBER)
    await lifecycle.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)
    await lifecycle.admission.require_room("dev-1", FREE)
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), units)


async def test_submit_after_completed_is_never_refused_although_nobody_has_settled(
    lifecycle: Lifecycle,
) -> None:
    for number in range(30):
        await lifecycle.admission.require_room("dev-1", FREE)
        await lifecycle.admit(f"g{number}", FREE)
        await lifecycle.run_to(f"g{number}", "completed")
