"""Whatever dies between any two steps of a generation's life, nothing leaks once the rest has gone on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from actors.handlers import quota
from actors.jobs.cleanup import sweep_holds
from actors.jobs.desk import Desk
from domain.errors import LimitError
from store.mongo.store import MongoStore
from store.quota.recount import Recount
from tests.store.quota.conftest import FREE, Clock, Studio
from tests.store.quota.test_holds import SweepingDesk, hands_of, message

NOVEMBER = "2026-11"
STEPS = ("held", "admitted", "ended", "settled in the ledger", "settled in the log")
Step = Callable[[], Awaitable[object]]


def life(studio: Studio, end: str) -> list[Step]:
    """List what happens to a generation, step by step, by whichever process."""

    async def settle_ledger() -> None:
        generation = await studio.generations.load("g1")
        assert generation is not None
        await studio.admission.settle(generation)

    return [
        lambda: studio.admission.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE),
        lambda: studio.admit("g1", FREE),
        lambda: studio.live("g1", end),
        settle_ledger,
        lambda: studio.settle("g1"),
    ]


async def recover(studio: Studio, clock: Clock) -> None:
    """Let the sweep come by, and let the log drive the quota actor again."""
    hands = hands_of(studio)
    clock.forward(minutes=3)
    await sweep_holds(cast("Desk", SweepingDesk(hands)))
    generation = await studio.generations.load("g1")
    if generation is not None:
        await asyncio.gather(*(quota.handle(message(generation), hands=hands) for _ in range(2)))


@pytest.mark.parametrize("end", ["completed", "failed"])
@pytest.mark.parametrize("died", range(len(STEPS)), ids=STEPS)
async def test_a_crash_after_any_step_leaks_neither_slot_nor_unit(
    studio: Studio, store: MongoStore, clock: Clock, died: int, end: str
) -> None:
    for step in life(studio, end)[: died + 1]:
        await step()
    await recover(studio, clock)
    account = await store.ledger.account("dev-1")
    running, spent = STEPS[died] == "admitted", end == "completed" and died >= STEPS.index("ended")
    assert len(account.slots) == running
    assert account.used_in(NOVEMBER) == (running or spent)
    recount = Recount(studio.events, store.ledger, studio.admitted, clock=clock)
    assert (await recount.run()).differences == ()
    if running:
        with pytest.raises(LimitError):
            await studio.admission.require_room("dev-1", FREE)
    else:
        await studio.admit("next", FREE)


@pytest.mark.parametrize("end", ["completed", "failed"])
@pytest.mark.parametrize("step", ["held", "settled in the ledger", "settled in the log"])
async def test_a_step_that_is_repeated_after_a_crash_counts_once(
    studio: Studio, store: MongoStore, clock: Clock, step: str, end: str
) -> None:
    """Nobody knows whether the dead one had done it: whoever goes on does it again."""
    for name, work in zip(STEPS, life(studio, end), strict=True):
        await work()
        if name == step:
            await work()
    account = await store.ledger.account("dev-1")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), end == "completed")
    clock.forward(minutes=3)
    recount = Recount(studio.events, store.ledger, studio.admitted, clock=clock)
    assert (await recount.run()).differences == ()
