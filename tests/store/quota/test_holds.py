"""Edge cases of units and slots: changed tiers, the end of a month, leaked and late holds."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from actors.chain import Chain, Step
from actors.handlers import quota
from actors.jobs.holds import release_leaked_holds
from domain.accounts.tiers import TIERS, Tier
from domain.errors import LimitError
from domain.generation import decisions
from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from events.envelope import RecordedEvent
from events.quota import QuotaReserved
from exemplar.injection import Dependencies
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.memory_projection import MemoryProjection
from store.mongo.safe_now import SafeNow
from store.quota.ledger import Account, Bounds
from store.quota.slot_queue import SlotQueue
from tests.builders.clock import Clock
from tests.builders.generation import VALIDATED, failed
from tests.store.quota.conftest import BY_TEST, FREE, QuotaHarness
from tests.stores import OpenStore

CLOUD = Bounds(monthly=1_000, concurrent=3)
UNLIMITED = Bounds(monthly=None, concurrent=None)
NOVEMBER, DECEMBER = "2026-11", "2026-12"


async def account(store: OpenStore) -> Account:
    return await store.ledger.account("dev-1")


async def run_quota(harness: QuotaHarness, generation: Generation, tiers: Mapping[str, Tier] = TIERS) -> None:
    """Run the quota actor on the event that follows a generation as it was read."""
    bind = Dependencies(
        {},
        generations=harness.generations,
        admission=harness.admission,
        slot_queue=SlotQueue(harness.ledger, harness.generations, tiers),
        tiers=tiers,
        projection=MemoryProjection(),
        personal_data=MemoryPersonalData(),
        timeouts=Timeouts(),
    ).bind
    step = Step(bind(quota.decide, given=["generation"]), bind(quota.follow, given=["decided", "_cause"]))
    await Chain(harness.generations, {"quota": step}, ["quota"]).run("quota", message(generation))


def message(generation: Generation) -> RecordedEvent:
    return RecordedEvent(stream_of(generation.id), generation.version + 1, generation.updated_at, VALIDATED, BY_TEST)


async def test_a_downgrade_keeps_running_generations_and_refuses_new_ones(
    harness: QuotaHarness, store: OpenStore
) -> None:
    for name in ("g1", "g2", "g3"):
        await harness.admit(name, CLOUD)
    for name in ("g1", "g2"):
        with pytest.raises(LimitError):
            await harness.admit("refused", FREE)
        await harness.live(name, "completed")
        await harness.settle(name)
    with pytest.raises(LimitError):
        await harness.admit("refused", FREE)
    await run_quota(harness, await harness.live("g3", "running"))
    running = await harness.generations.load("g3")
    assert running is not None
    assert running.status == "pending"
    await harness.live("g3", "failed")
    await harness.admit("accepted", FREE)
    assert (await account(store)).used_in(NOVEMBER) == 3


async def test_generations_of_a_removed_tier_are_reserved_and_settled(harness: QuotaHarness, store: OpenStore) -> None:
    generation = await harness.admit("g1", FREE)
    await harness.events.append(stream_of("g1"), generation.version, [VALIDATED], cause=BY_TEST, time=harness.clock())
    await run_quota(harness, generation, tiers={})
    reserved = await harness.generations.load("g1")
    assert reserved is not None
    assert reserved.quota == "held"
    await harness.events.append(
        stream_of("g1"),
        reserved.version,
        [failed("canceled", "gateway")],
        cause=BY_TEST,
        time=harness.clock(),
    )
    await run_quota(harness, reserved, tiers={})
    settled = await harness.generations.load("g1")
    assert settled is not None
    assert settled.quota == "released"
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), 0)


async def test_a_downgrade_below_the_used_units_refuses_until_the_month_ends(
    harness: QuotaHarness, clock: Clock
) -> None:
    for number in range(5):
        await harness.admit(f"g{number}", CLOUD)
        await harness.live(f"g{number}", "completed")
    with pytest.raises(LimitError) as refused:
        await harness.admit("g5", Bounds(monthly=4, concurrent=1))
    month_end = datetime(2026, 12, 1, tzinfo=UTC)
    assert refused.value.retry_after == (month_end - clock.now).total_seconds()


async def test_an_upgrade_applies_at_once_and_keeps_used_units(harness: QuotaHarness, store: OpenStore) -> None:
    await harness.admit("g1", Bounds(1, 1))
    with pytest.raises(LimitError):
        await harness.admit("g2", Bounds(1, 1))
    await harness.admit("g2", CLOUD)
    await harness.admit("g3", UNLIMITED)
    assert (await account(store)).used_in(NOVEMBER) == 3


async def test_the_internal_tier_is_never_refused_and_still_counted(harness: QuotaHarness, store: OpenStore) -> None:
    tier = TIERS["internal"]
    bounds = Bounds(tier.monthly, tier.concurrent)
    assert bounds == UNLIMITED
    await asyncio.gather(*(harness.admit(f"g{number}", bounds) for number in range(40)))
    assert len((await account(store)).slots) == (await account(store)).used_in(NOVEMBER) == 40


@pytest.mark.parametrize(("end", "november"), [("completed", 1), ("failed", 0)])
async def test_a_unit_belongs_to_the_month_of_its_admission(
    harness: QuotaHarness, store: OpenStore, clock: Clock, end: str, november: int
) -> None:
    clock.now = datetime(2026, 11, 30, 23, 59, 59, 900_000, tzinfo=UTC)
    await harness.admit("old", CLOUD)
    clock.forward(seconds=1)
    assert (await harness.admit("new", CLOUD)).request.period == DECEMBER
    await harness.live("old", end)
    settled = await harness.settle("old")
    assert settled.quota == ("spent" if end == "completed" else "released")
    assert ((await account(store)).used_in(NOVEMBER), (await account(store)).used_in(DECEMBER)) == (
        november,
        1,
    )


async def test_a_hold_repeated_in_the_next_month_keeps_its_month(harness: QuotaHarness, clock: Clock) -> None:
    """A request with an Idempotency-Key ends after its hold, and is repeated in the next month."""
    clock.now = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    await harness.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)
    clock.forward(seconds=5)
    assert (await harness.admit("g1", FREE)).request.period == NOVEMBER


async def test_a_step_of_this_clock_alone_frees_no_hold(harness: QuotaHarness, store: OpenStore, clock: Clock) -> None:
    await harness.admission.hold("dev-1", "never", period=NOVEMBER, bounds=FREE)
    server = clock()

    async def server_time() -> datetime:
        return server

    clock.step(hours=1)
    assert await release_leaked_holds(admission=harness.admission, safe_now=SafeNow(clock, server_time)) == 0
    assert len((await account(store)).slots) == 1


async def test_the_sweep_frees_a_hold_without_a_stream_after_two_minutes(
    harness: QuotaHarness, store: OpenStore, clock: Clock
) -> None:
    await harness.admission.hold("dev-1", "never", period=NOVEMBER, bounds=FREE)
    clock.forward(seconds=119)
    assert await release_leaked_holds(admission=harness.admission, safe_now=harness.safe_now) == 0
    clock.forward(seconds=2)
    assert await release_leaked_holds(admission=harness.admission, safe_now=harness.safe_now) == 1
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), 0)


async def test_a_hold_renewed_during_the_sweep_is_not_freed(
    harness: QuotaHarness, store: OpenStore, clock: Clock
) -> None:
    await harness.admission.hold("dev-1", "slow", period=NOVEMBER, bounds=FREE)
    limit = clock.forward(minutes=3) - timedelta(minutes=2)
    await harness.admission.hold("dev-1", "slow", period=NOVEMBER, bounds=FREE)
    await store.ledger.settle("dev-1", "slow", "released", held_before=limit)
    assert (await account(store)).holds("slow")
    assert await harness.admission.sweep(older_than=limit) == 0


async def test_a_hold_swept_before_a_late_append_is_held_again(harness: QuotaHarness, store: OpenStore) -> None:
    await harness.admit("late", FREE)
    await store.ledger.settle("dev-1", "late", "released")
    await harness.events.append(stream_of("late"), 1, [VALIDATED], cause=BY_TEST, time=harness.clock())
    generation = await harness.generations.load("late")
    assert generation is not None
    await run_quota(harness, generation)
    commits = await harness.events.read(stream_of("late"))
    reserved = commits[-1].events[-1].event
    assert isinstance(reserved, QuotaReserved)
    assert (reserved.used, reserved.slots) == (1, 1)
    assert (await account(store)).holds("late")


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_message_after_the_end_takes_nothing(harness: QuotaHarness, store: OpenStore, end: str) -> None:
    generation = await harness.admit("g1", FREE)
    await harness.live("g1", end)
    await harness.settle("g1")
    before = await account(store)
    for _ in range(2):
        await run_quota(harness, generation)
    assert await account(store) == before


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_hold_after_the_settlement_is_released(
    harness: QuotaHarness, store: OpenStore, clock: Clock, end: str
) -> None:
    await harness.admit("g1", FREE)
    await harness.live("g1", end)
    await harness.settle("g1")
    units = (await account(store)).used_in(NOVEMBER)
    await harness.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)
    await harness.admission.require_free_slot("dev-1", FREE)
    assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), units)


async def test_submit_after_completed_is_admitted_before_settlement(harness: QuotaHarness) -> None:
    for number in range(30):
        await harness.admission.require_free_slot("dev-1", FREE)
        await harness.admit(f"g{number}", FREE)
        await harness.live(f"g{number}", "completed")


@pytest.mark.parametrize(("end", "units"), [("completed", 1), ("failed", 0)])
@pytest.mark.parametrize("repeated", [False, True], ids=["once", "repeated by the client"])
async def test_a_crash_between_the_settlement_in_the_log_and_the_ledger_counts_the_unit_once(
    harness: QuotaHarness, store: OpenStore, clock: Clock, end: str, units: int, repeated: bool
) -> None:
    await harness.admit("g1", FREE)
    await harness.live("g1", end)
    await harness.generations.decide("g1", decisions.settle_quota, cause=BY_TEST)
    if repeated:
        await harness.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)
    for _ in range(2):
        clock.forward(minutes=3)
        await release_leaked_holds(admission=harness.admission, safe_now=harness.safe_now)
        assert ((await account(store)).slots, (await account(store)).used_in(NOVEMBER)) == ((), units)
        await harness.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE)  # too late: given back
