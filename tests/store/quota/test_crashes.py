"""A crash between any two steps of a generation leaks neither slots nor units."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from actors.jobs.holds import release_leaked_holds
from domain.errors import LimitError
from domain.generation import decisions
from store.quota.recount import Recount
from tests.builders.clock import Clock
from tests.store.quota.conftest import BY_TEST, FREE, QuotaHarness
from tests.store.quota.test_holds import run_quota
from tests.stores import OpenStore

NOVEMBER = "2026-11"
STEPS = ("held", "admitted", "ended", "settled in the log", "settled in the ledger")
Step = Callable[[], Awaitable[object]]


def life(harness: QuotaHarness, end: str) -> list[Step]:
    """List the steps of a generation in all processes."""

    async def settle_ledger() -> None:
        generation = await harness.generations.load("g1")
        assert generation is not None
        await harness.admission.settle(generation)

    return [
        lambda: harness.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE),
        lambda: harness.admit("g1", FREE),
        lambda: harness.live("g1", end),
        lambda: harness.generations.decide("g1", decisions.settle_quota, cause=BY_TEST),
        settle_ledger,
    ]


async def recover(harness: QuotaHarness, clock: Clock) -> None:
    """Run the sweep, then the quota actor on the last event."""
    clock.forward(minutes=3)
    await release_leaked_holds(admission=harness.admission, safe_now=harness.safe_now)
    generation = await harness.generations.load("g1")
    if generation is not None:
        await asyncio.gather(*(run_quota(harness, generation) for _ in range(2)))


@pytest.mark.parametrize("end", ["completed", "failed"])
@pytest.mark.parametrize("died", range(len(STEPS)), ids=STEPS)
async def test_a_crash_after_any_step_leaks_neither_slot_nor_unit(
    harness: QuotaHarness, store: OpenStore, clock: Clock, died: int, end: str
) -> None:
    for step in life(harness, end)[: died + 1]:
        await step()
    await recover(harness, clock)
    account = await store.ledger.account("dev-1")
    running, spent = STEPS[died] == "admitted", end == "completed" and died >= STEPS.index("ended")
    assert len(account.slots) == running
    assert account.used_in(NOVEMBER) == (running or spent)
    recount = Recount(harness.events, store.ledger, harness.admitted, clock=clock)
    assert (await recount.run()).differences == ()
    if running:
        with pytest.raises(LimitError):
            await harness.admission.require_free_slot("dev-1", FREE)
    else:
        await harness.admit("next", FREE)


@pytest.mark.parametrize("end", ["completed", "failed"])
@pytest.mark.parametrize("step", ["held", "settled in the ledger", "settled in the log"])
async def test_a_repeated_step_counts_once(
    harness: QuotaHarness, store: OpenStore, clock: Clock, step: str, end: str
) -> None:
    """The next process cannot know whether the step was done, so it repeats it."""
    for name, work in zip(STEPS, life(harness, end), strict=True):
        await work()
        if name == step:
            await work()
    account = await store.ledger.account("dev-1")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), end == "completed")
    clock.forward(minutes=3)
    recount = Recount(harness.events, store.ledger, harness.admitted, clock=clock)
    assert (await recount.run()).differences == ()
