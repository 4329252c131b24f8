import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import LimitError
from domain.generation.fold import fold
from domain.generation.generation import stream_of
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from store.commits.contract import EventStore
from store.generations.generations import Generations
from store.quota.admission import Admission
from store.quota.ledger import Bounds, Ledger
from tests.builders.clock import Clock
from tests.builders.generation import TO_COMPLETED, TO_FAILED, TO_STARTED

FREE = Bounds(monthly=3, concurrent=1)
NOVEMBER, DECEMBER = "2026-11", "2026-12"
DEVELOPER = "dev-1"


class AdmissionHarness:
    """Admission before a real log and ledger of one developer."""

    def __init__(self, events: EventStore, ledger: Ledger, clock: Clock) -> None:
        self.events, self.ledger, self.clock = events, ledger, clock
        generations = Generations(events, announce=ignore, clock=clock)
        self.admission = Admission(ledger, generations, clock=clock)

    async def hold(self, generation: str, bounds: Bounds = FREE, period: str = NOVEMBER) -> int:
        await self.admission.hold(DEVELOPER, generation, period=period, bounds=bounds)
        return (await self.ledger.account(DEVELOPER)).used_in(period)

    async def live(self, generation: str, facts: tuple[Event, ...]) -> None:
        now = self.clock.now
        await self.events.append(stream_of(generation), 0, facts, cause=Cause(actor="x"), time=now)

    async def settle(self, generation: str) -> None:
        commits = await self.events.read(stream_of(generation))
        folded = fold(event for commit in commits for event in commit.events)
        assert folded is not None
        await self.admission.settle(folded)


def ignore(_: Commit) -> None: ...


@pytest.fixture
def harness(events: EventStore, ledger: Ledger, clock: Clock) -> AdmissionHarness:
    return AdmissionHarness(events, ledger, clock)


async def test_a_hold_within_the_limits_is_admitted_and_repeatable(harness: AdmissionHarness) -> None:
    await harness.admission.require_free_slot(DEVELOPER, FREE)
    assert await harness.hold("g1") == 1
    assert await harness.hold("g1") == 1


async def test_a_full_slot_is_refused_with_the_expected_wait(harness: AdmissionHarness) -> None:
    await harness.hold("g1")
    await harness.live("g1", TO_STARTED)
    harness.clock.forward(seconds=12)
    with pytest.raises(LimitError) as refused:
        await harness.hold("g2")
    assert refused.value.retry_after == 18
    with pytest.raises(LimitError):
        await harness.admission.require_free_slot(DEVELOPER, FREE)


@pytest.mark.parametrize(("facts", "used"), [(TO_COMPLETED, 2), (TO_FAILED, 1)], ids=["completed", "failed"])
async def test_a_final_generation_does_not_block_the_next_hold(
    harness: AdmissionHarness,
    facts: tuple[Event, ...],
    used: int,
) -> None:
    await harness.hold("g1")
    await harness.live("g1", facts)
    await harness.admission.require_free_slot(DEVELOPER, FREE)
    assert await harness.hold("g2") == used


async def test_concurrent_holds_for_the_slot_of_a_final_generation_get_it_once(
    harness: AdmissionHarness,
) -> None:
    await harness.hold("g1")
    await harness.live("g1", TO_FAILED)
    outcomes = await asyncio.gather(*(harness.hold(f"h{n}") for n in range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, LimitError) for outcome in outcomes) == 9
    account = await harness.ledger.account(DEVELOPER)
    assert (len(account.slots), account.used_in(NOVEMBER)) == (1, 1)


async def test_a_full_month_is_refused_until_the_next_month_begins(harness: AdmissionHarness) -> None:
    for name in ("g1", "g2", "g3"):
        await harness.hold(name)
        await harness.live(name, TO_COMPLETED)
    harness.clock.now = datetime(2026, 11, 30, 23, 59, 50, 500_000, tzinfo=UTC)
    for attempt in (harness.hold("g4"), harness.admission.require_free_slot(DEVELOPER, FREE)):
        with pytest.raises(LimitError) as refused:
            await attempt
        assert refused.value.retry_after == 10
    harness.clock.forward(seconds=10)
    assert await harness.hold("g4", period=DECEMBER) == 1


async def test_a_refusal_as_the_month_changes_waits_one_second(harness: AdmissionHarness) -> None:
    await harness.hold("g1", Bounds(1, None))
    harness.clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    with pytest.raises(LimitError) as refused:
        await harness.hold("g2", Bounds(1, None))
    assert refused.value.retry_after == 1


async def test_settling_twice_counts_once(harness: AdmissionHarness) -> None:
    await harness.hold("g1")
    await harness.live("g1", TO_FAILED)
    for _ in range(2):
        await harness.settle("g1")
    assert (await harness.ledger.account(DEVELOPER)).used_in(NOVEMBER) == 0


async def test_a_released_hold_returns_slot_and_unit(harness: AdmissionHarness) -> None:
    await harness.hold("g1")
    await harness.admission.release(DEVELOPER, "g1")
    account = await harness.ledger.account(DEVELOPER)
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 0)


async def test_the_sweep_frees_old_final_and_leaked_holds_only(harness: AdmissionHarness) -> None:
    wide = Bounds(None, None)
    for name, facts in (("running", TO_STARTED), ("over", TO_COMPLETED), ("leaked", ())):
        await harness.hold(name, wide)
        if facts:
            await harness.live(name, facts)
    limit = harness.clock.forward(minutes=2)
    await harness.hold("young", wide)
    assert await harness.admission.sweep(older_than=limit) == 2
    assert await harness.admission.sweep(older_than=limit) == 0
    account = await harness.ledger.account(DEVELOPER)
    assert {slot.generation for slot in account.slots} == {"running", "young"}
    assert account.used_in(NOVEMBER) == 3
    assert await harness.admission.sweep(older_than=limit + timedelta(seconds=1)) == 1
