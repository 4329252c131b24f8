"""The ledger equals a recount of the log; differences are reported and corrected."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import LimitError
from domain.generation import decisions
from store.commits.memory import MemoryEventStore
from store.quota.comparison import Difference
from store.quota.ledger import Account, Bounds, Correction
from store.quota.memory_ledger import MemoryLedger
from store.quota.recount import Recount, RecountReport
from tests.builders.clock import Clock
from tests.store.quota.conftest import BY_TEST, QuotaHarness
from tests.stores import OpenStore

WIDE = Bounds(monthly=None, concurrent=None)
NOVEMBER = "2026-11"


async def at_once() -> None: ...


def recount_of(harness: QuotaHarness) -> Recount:
    return Recount(harness.events, harness.ledger, harness.admitted, clock=harness.clock, pause=at_once)


async def check(harness: QuotaHarness) -> RecountReport:
    return await recount_of(harness).run()


async def repair(harness: QuotaHarness) -> RecountReport:
    return await recount_of(harness).run(repair_as="operator:test")


@pytest.fixture(params=["memory", "mongo"])
def either(request: pytest.FixtureRequest, clock: Clock) -> QuotaHarness:
    if request.param == "memory":
        return QuotaHarness(MemoryEventStore(), MemoryLedger(), clock)
    harness: QuotaHarness = request.getfixturevalue("harness")
    return harness


async def some_generations(harness: QuotaHarness) -> None:
    for name, end in (("done", "completed"), ("over", "failed"), ("runs", "running"), ("ends", "completed")):
        await harness.admit(name, WIDE)
        await harness.live(name, end)
    for name in ("done", "over"):
        await harness.settle(name)


async def test_a_correct_ledger_has_no_difference_during_settlements(
    either: QuotaHarness,
) -> None:
    await some_generations(either)
    await either.admission.hold("dev-1", "about-to-be-appended", period=NOVEMBER, bounds=WIDE)
    await either.admit("others", WIDE, developer="dev-2")
    report = await check(either)
    assert (report.developers, report.generations, report.differences) == (2, 5, ())
    assert report.set_aside == 1
    assert (await check(either)).corrections == ()


async def test_old_generations_are_counted_like_recent_ones(either: QuotaHarness, clock: Clock) -> None:
    await some_generations(either)
    clock.forward(hours=5)
    assert (await check(either)).differences == ()


async def test_lost_units_slots_and_leaked_holds_are_reported_and_corrected(either: QuotaHarness, clock: Clock) -> None:
    await some_generations(either)
    await either.admission.hold("dev-1", "leaked", period=NOVEMBER, bounds=WIDE)
    await either.ledger.settle("dev-1", "runs", "released")
    await either.ledger.hold("dev-1", "ghost", period="2026-10", bounds=WIDE, now=either.clock())
    await either.ledger.settle("dev-1", "ghost", "spent")
    clock.forward(minutes=3)

    report = await repair(either)

    assert set(report.differences) == {
        Difference("dev-1", "units", "2026-10", 1, 0),
        Difference("dev-1", "units", NOVEMBER, 2, 3),
        Difference("dev-1", "leaked slot", "leaked", 1, 0),
        Difference("dev-1", "missing slot", "runs", 0, 1),
    }
    assert (await check(either)).differences == ()
    account = await either.ledger.account("dev-1")
    assert {slot.generation for slot in account.slots} == {"runs", "ends"}
    assert (account.used_in(NOVEMBER), account.used_in("2026-10")) == (3, 0)
    [correction] = await either.ledger.corrections("dev-1")
    assert report.corrections == (correction.id,)
    assert (correction.by, dict(correction.units)) == ("operator:test", {"2026-10": -1})
    assert correction.removed == ("leaked",)
    assert [slot.generation for slot in correction.added] == ["runs"]
    assert (await repair(either)).corrections == ()


async def test_a_restored_slot_settles_like_any_other(either: QuotaHarness) -> None:
    await either.admit("g1", WIDE)
    await either.live("g1", "running")
    await either.ledger.settle("dev-1", "g1", "released")
    await repair(either)
    generation = await either.generations.load("g1")
    assert generation is not None
    await either.ledger.settle("dev-1", "g1", "released")
    account = await either.ledger.account("dev-1")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 0)


async def test_a_slot_of_another_month_moves_to_the_month_of_the_log(either: QuotaHarness) -> None:
    await either.admit("g1", WIDE)
    await either.live("g1", "running")
    await either.ledger.settle("dev-1", "g1", "released")
    await either.ledger.hold("dev-1", "g1", period="2026-10", bounds=WIDE, now=either.clock())
    report = await repair(either)
    assert "slot of another month" in {found.kind for found in report.differences}
    account = await either.ledger.account("dev-1")
    assert [slot.period for slot in account.slots] == [NOVEMBER]
    assert (account.used_in("2026-10"), account.used_in(NOVEMBER)) == (0, 1)


async def test_a_lost_ledger_is_rebuilt_from_the_log(either: QuotaHarness, clock: Clock) -> None:
    await some_generations(either)
    emptied = QuotaHarness(either.events, MemoryLedger(), clock)
    assert (await repair(emptied)).corrections
    assert (await check(emptied)).differences == ()
    assert (await emptied.ledger.account("dev-1")).used_in(NOVEMBER) == 3


async def test_a_changed_account_is_not_corrected(either: QuotaHarness) -> None:
    await some_generations(either)
    seen = await either.ledger.account("dev-1")
    await either.admit("newer", WIDE)
    recount = recount_of(either)
    await either.ledger.settle("dev-1", "runs", "released")
    await recount.run()
    stale = Correction("c1", either.clock(), "operator:test", ((NOVEMBER, 5),))
    assert not await either.ledger.correct("dev-1", stale, seen=seen)
    assert await either.ledger.corrections("dev-1") == []
    assert (await either.ledger.account("dev-1")).used_in(NOVEMBER) != seen.used_in(NOVEMBER) + 5


class ChangingLedger(MemoryLedger):
    """A ledger in which a generation is admitted and completed between any two of its next reads."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.harness: QuotaHarness | None = None
        self.insertions = 0

    async def account(self, developer: str, *, only: Sequence[str] | None = None, durable: bool = False) -> Account:
        harness, self.harness = self.harness, None
        if harness is not None and self.insertions < self.most:
            self.insertions += 1
            name = f"meanwhile-{self.insertions}"
            await harness.admit(name, WIDE)
            await harness.live(name, "completed")
            await harness.settle(name)
            self.harness = harness
        return await super().account(developer, only=only, durable=durable)


async def test_generations_that_change_during_the_check_are_no_difference(clock: Clock) -> None:
    ledger = ChangingLedger(6)
    harness = QuotaHarness(MemoryEventStore(), ledger, clock)
    await some_generations(harness)
    ledger.harness = harness
    report = await check(harness)
    assert ledger.insertions == 6
    assert (report.developers, report.moving, report.differences) == (1, (), ())


async def test_a_developer_who_never_rests_is_set_aside_and_the_others_are_compared(clock: Clock) -> None:
    ledger, pauses = ChangingLedger(1000), list[int]()
    harness = QuotaHarness(MemoryEventStore(), ledger, clock)
    await some_generations(harness)
    await harness.admit("others", WIDE, developer="dev-2")
    ledger.harness = harness

    async def pause() -> None:
        pauses.append(ledger.insertions)

    report = await replace(recount_of(harness), pause=pause).run()
    assert (report.developers, report.moving, report.differences) == (1, ("dev-1",), ())
    assert len(pauses) == 3
    assert ledger.insertions < 20


ACTS = (
    "admit",
    "completed",
    "failed",
    "running",
    "settle",
    "settle in the log",
    "crash",
    "again",
    "sweep",
    "late hold",
)
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 2), st.integers(0, 1)), max_size=40)


@given(steps=STEPS, limits=st.sampled_from([WIDE, Bounds(4, 2), Bounds(3, 1)]))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_ledger_equals_the_recount_after_any_history(
    steps: list[tuple[str, int, int]], limits: Bounds
) -> None:
    clock = Clock()
    harness = QuotaHarness(MemoryEventStore(), MemoryLedger(), clock)
    for act, number, who in steps:
        clock.forward(hours=7, seconds=number)
        await take(harness, clock, act, f"g{number}-{who}", f"dev-{who}", limits)
        assert (await check(harness)).differences == (), act
    clock.forward(minutes=3)
    await harness.admission.sweep(older_than=clock.now - timedelta(minutes=2))
    report = await check(harness)
    assert (report.differences, report.set_aside) == ((), 0)
    for who in (0, 1):
        account = await harness.ledger.account(f"dev-{who}")
        assert limits.monthly is None or all(0 <= used <= limits.monthly for _, used in account.used)


async def take(harness: QuotaHarness, clock: Clock, act: str, name: str, developer: str, limits: Bounds) -> None:
    """Apply one step to one generation, if it is possible."""
    generation = await harness.generations.load(name)
    try:
        if act == "admit" and generation is None:
            await harness.admit(name, limits, developer=developer)
        elif act == "crash" and generation is None:
            period = clock.now.strftime("%Y-%m")
            await harness.admission.hold(developer, name, period=period, bounds=limits)
            clock.forward(minutes=3)
            await harness.admission.sweep(older_than=clock.now - timedelta(minutes=2))
        elif act in ("completed", "failed", "running") and generation and generation.version == 1:
            await harness.live(name, act)
        elif act in ("settle", "again") and generation and generation.final:
            await harness.settle(name)
        elif act == "settle in the log" and generation:
            await harness.generations.decide(name, decisions.settle_quota, cause=BY_TEST)
        elif act == "late hold" and generation and generation.quota != "held":
            period = generation.request.period
            await harness.admission.hold(developer, name, period=period, bounds=limits)
        elif act == "sweep":
            await harness.admission.sweep(older_than=clock.now - timedelta(minutes=2))
    except LimitError:
        return


async def test_the_ledger_equals_the_recount_after_concurrent_generations(
    harness: QuotaHarness, store: OpenStore
) -> None:
    async def live(number: int) -> None:
        name = f"g{number}"
        try:
            await harness.admit(name, Bounds(monthly=60, concurrent=9))
        except LimitError:
            return
        lived = await harness.live(name, ("completed", "failed", "running")[number % 3])
        if lived.final and number % 2:
            await harness.settle(name)

    await asyncio.gather(*(live(number) for number in range(60)))
    report = await Recount(store.events, store.ledger, store.usage.admitted, clock=harness.clock, pause=at_once).run()
    assert report.differences == ()
    assert report.generations >= 9
