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
from tests.store.quota.conftest import BY_TEST, FREE, Clock, Studio

CLOUD = Bounds(monthly=1_000, concurrent=3)
UNLIMITED = Bounds(monthly=None, concurrent=None)
NOVEMBER, DECEMBER = "2026-11", "2026-12"


async def account(store: MongoStore) -> Account:
    return await store.ledger.account("dev-1")


def hands_of(studio: Studio, tiers: Mapping[str, Tier] = TIERS) -> Hands:
    """The quota actor's dependencies; it asks for no others."""
    used: Any = {
        "generations": studio.generations,
        "admission": studio.admission,
        "tiers": tiers,
        "clock": studio.clock,
    }
    return Hands(**(dict.fromkeys(Hands.__dataclass_fields__) | used))


def message(generation: Generation) -> RecordedEvent:
    return RecordedEvent(stream_of(generation.id), 2, generation.updated_at, VALIDATED, BY_TEST)


async def test_after_a_downgrade_nothing_that_runs_is_harmed_and_new_ones_wait_until_below(
    studio: Studio, store: MongoStore
) -> None:
    for name in ("g1", "g2", "g3"):
        await studio.admit(name, CLOUD)
    for name in ("g1", "g2"):
        with pytest.raises(LimitError):
            await studio.admit("refused", FREE)
        await studio.live(name, "completed")
        await studio.settle(name)
    with pytest.raises(LimitError):
        await studio.admit("refused", FREE)
    await quota.handle(message(await studio.live("g3", "running")), hands=hands_of(studio))
    running = await studio.generations.load("g3")
    assert running is not None
    assert running.status == "pending"
    await studio.live("g3", "failed")
    await studio.admit("accepted", FREE)
    assert (await account(store)).used_in(NOVEMBER) == 3


async def test_what_runs_under_a_tier_that_is_configured_no_more_is_reserved_and_settled(
    studio: Studio, store: MongoStore
) -> None:
    hands = hands_of(studio, tiers={})
    generation = await studio.admit("g1", FREE)
    await studio.events.append(
        stream_of("g1"), generation.version, [VALIDATED], cause=BY_TEST, time=studio.clock()
    )
    await quota.handle(message(generation), hands=hands)
    reserved = await studio.generations.load("g1")
    assert reserved is not None
    assert reserved.quota == "held"
    await studio.events.append(
        stream_of("g1"), reserved.version, [failed("canceled", "gateway")], cause=BY_TEST, time=studio.clock()
    )
    await quota.handle(message(generation), hands=hands)
    settled = await studio.generations.load("g1")
    assert settled is not None
    assert settled.quota == "released"
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), 0)


async def test_a_downgrade_below_what_was_used_refuses_to_the_months_end(
    studio: Studio, clock: Clock
) -> None:
    for number in range(5):
        await studio.admit(f"g{number}", CLOUD)
        await studio.live(f"g{number}", "completed")
    with pytest.raises(LimitError) as refused:
        await studio.admit("g5", Bounds(monthly=4, concurrent=1))
    month_end = datetime(2026, 12, 1, tzinfo=UTC)
    assert refused.value.retry_after == (month_end - clock.now).total_seconds()


async def test_an_upgrade_counts_at_once_and_what_was_used_stays_used(
    studio: Studio, store: MongoStore
) -> None:
    await studio.admit("g1", Bounds(1, 1))
    with pytest.raises(LimitError):
        await studio.admit("g2", Bounds(1, 1))
    await studio.admit("g2", CLOUD)
    await studio.admit("g3", UNLIMITED)
    assert (await account(store)).used_in(NOVEMBER) == 3


async def test_the_internal_tier_is_never_refused_and_still_counted(
    studio: Studio, store: MongoStore
) -> None:
    tier = TIERS["internal"]
    bounds = Bounds(tier.monthly, tier.concurrent)
    assert bounds == UNLIMITED
    await asyncio.gather(*(studio.admit(f"g{number}", bounds) for number in range(40)))
    assert len((await account(store)).slots) == (await account(store)).used_in(NOVEMBER) == 40


@pytest.mark.parametrize(("end", "november"), [("completed", 1), ("failed", 0)])
async def test_a_unit_belongs_to_the_month_of_its_admission_whenever_it_ends(
    studio: Studio, store: MongoStore, clock: Clock, end: str, november: int
) -> None:
    clock.now = datetime(2026, 11, 30, 23, 59, 59, 900_000, tzinfo=UTC)
    await studio.admit("old", CLOUD)
    clock.forward(seconds=1)
    assert (await studio.admit("new", CLOUD)).request.period == DECEMBER
    await studio.live("old", end)
    settled = await studio.settle("old")
    assert settled.quota == ("spent" if end == "completed" else "released")
    assert ((await account(store)).used_in(NOVEMBER), (await account(store)).used_in(DECEMBER)) == (
        november,
        1,
    )


async def test_a_hold_that_is_repeated_in_the_next_month_keeps_its_month(
    studio: Studio, clock: Clock
) -> None:
    """A request with an Idempotency-Key dies after its hold, and comes again when the month has turned."""
    clock.now = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    await studio.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)
    clock.forward(seconds=5)
    assert (await studio.admit("g1", FREE)).request.period == NOVEMBER


async def test_the_sweep_frees_a_hold_without_a_stream_after_two_minutes(
    studio: Studio, store: MongoStore, clock: Clock
) -> None:
    await studio.admission.hold("dev-1", "never", period=NOVEMBER, bounds=FREE)
    desk = cast("Desk", SweepingDesk(hands_of(studio)))
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
    studio: Studio, store: MongoStore, clock: Clock
) -> None:
    await studio.admission.hold("dev-1", "slow", period=NOVEMBER, bounds=FREE)
    limit = clock.forward(minutes=3) - timedelta(minutes=2)
    await studio.admission.hold("dev-1", "slow", period=NOVEMBER, bounds=FREE)
    await store.ledger.settle("dev-1", "slow", "released", held_before=limit)
    assert (await account(store)).holds("slow")
    assert await studio.admission.sweep(older_than=limit) == 0


async def test_a_hold_that_was_swept_before_its_late_append_is_taken_again(
    studio: Studio, store: MongoStore
) -> None:
    await studio.admit("late", FREE)
    await store.ledger.settle("dev-1", "late", "released")
    await studio.events.append(stream_of("late"), 1, [VALIDATED], cause=BY_TEST, time=studio.clock())
    generation = await studio.generations.load("late")
    assert generation is not None
    await quota.handle(message(generation), hands=hands_of(studio))
    commits = await studio.events.read(stream_of("late"))
    reserved = commits[-1].events[-1].event
    assert isinstance(reserved, QuotaReserved)
    assert (reserved.used, reserved.slots) == (1, 1)
    assert (await account(store)).holds("late")


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_message_that_comes_after_the_end_takes_nothing(
    studio: Studio, store: MongoStore, end: str
) -> None:
    generation = await studio.admit("g1", FREE)
    await studio.live("g1", end)
    await studio.settle("g1")
    before = await account(store)
    for _ in range(2):
        await quota.handle(replace(message(generation)), hands=hands_of(studio))
    assert await account(store) == before


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_hold_that_came_after_the_settlement_is_given_back_by_whoever_finds_it(
    studio: Studio, store: MongoStore, clock: Clock, end: str
) -> None:
    await studio.admit("g1", FREE)
    await studio.live("g1", end)
    await studio.settle("g1")
    units = (await account(store)).used_in(NOVEMBER)
    await studio.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)
    await studio.admission.require_room("dev-1", FREE)
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), units)


async def test_submit_after_completed_is_never_refused_although_nobody_has_settled(studio: Studio) -> None:
    for number in range(30):
        await studio.admission.require_room("dev-1", FREE)
        await studio.admit(f"g{number}", FREE)
        await studio.live(f"g{number}", "completed")
