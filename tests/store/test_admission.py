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
from tests.builders.generation import TO_COMPLETED, TO_FAILED, TO_STARTED
from tests.store.conftest import Clock

FREE = Bounds(monthly=3, concurrent=1)
NOVEMBER, DECEMBER = "2026-11", "2026-12"
DEVELOPER = "dev-1"


class Door:
    """Admission before a real log and ledger of one developer."""

    def __init__(self, events: EventStore, ledger: Ledger, clock: Clock) -> None:
        self.events, self.ledger, self.clock = events, ledger, clock
        generations = Generations(events, announce=ignore, clock=clock)
        self.admission = Admission(ledger, generations, clock=clock)

    async def hold(self, generation: str, bounds: Bounds = FREE, period: str = NOVEMBER) -> int:
        account = await self.admission.hold(DEVELOPER, generation, period=period, bounds=bounds)
        return account.used_in(period)

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
def door(events: EventStore, ledger: Ledger, clock: Clock) -> Door:
    return Door(events, ledger, clock)


async def test_who_has_room_is_let_in_and_may_ask_again(door: Door) -> None:
    await door.admission.require_room(DEVELOPER, FREE)
    assert await door.hold("g1") == 1
    assert await door.hold("g1") == 1


async def test_a_running_generation_keeps_the_next_one_out_until_its_slot_is_likely_free(door: Door) -> None:
    await door.hold("g1")
    await door.live("g1", TO_STARTED)
    door.clock.forward(seconds=12)
    with pytest.raises(LimitError) as refused:
        await door.hold("g2")
    assert refused.value.retry_after == 18
    with pytest.raises(LimitError):
        await door.admission.require_room(DEVELOPER, FREE)


@pytest.mark.parametrize(("facts", "used"), [(TO_COMPLETED, 2), (TO_FAILED, 1)], ids=["completed", "failed"])
async def test_what_reads_as_finished_never_keeps_the_next_one_out(
    door: Door,
    facts: tuple[Event, ...],
    used: int,
) -> None:
    await door.hold("g1")
    await door.live("g1", facts)
    await door.admission.require_room(DEVELOPER, FREE)
    assert await door.hold("g2") == used


async def test_many_that_ask_for_a_finished_ones_slot_at_once_get_it_once(door: Door) -> None:
    await door.hold("g1")
    await door.live("g1", TO_FAILED)
    outcomes = await asyncio.gather(*(door.hold(f"h{n}") for n in range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, LimitError) for outcome in outcomes) == 9
    account = await door.ledger.account(DEVELOPER)
    assert (len(account.slots), account.used_in(NOVEMBER)) == (1, 1)


async def test_a_full_month_says_exactly_when_the_next_one_begins(door: Door) -> None:
    for name in ("g1", "g2", "g3"):
        await door.hold(name)
        await door.live(name, TO_COMPLETED)
    door.clock.now = datetime(2026, 11, 30, 23, 59, 50, 500_000, tzinfo=UTC)
    for attempt in (door.hold("g4"), door.admission.require_room(DEVELOPER, FREE)):
        with pytest.raises(LimitError) as refused:
            await attempt
        assert refused.value.retry_after == 10
    door.clock.forward(seconds=10)
    assert await door.hold("g4", period=DECEMBER) == 1


async def test_whoever_is_refused_as_the_month_turns_may_come_back_at_once(door: Door) -> None:
    await door.hold("g1", Bounds(1, None))
    door.clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    with pytest.raises(LimitError) as refused:
        await door.hold("g2", Bounds(1, None))
    assert refused.value.retry_after == 1


async def test_settling_twice_counts_once(door: Door) -> None:
    await door.hold("g1")
    await door.live("g1", TO_FAILED)
    for _ in range(2):
        await door.settle("g1")
    assert (await door.ledger.account(DEVELOPER)).used_in(NOVEMBER) == 0


async def test_a_hold_that_came_to_nothing_is_given_back(door: Door) -> None:
    await door.hold("g1")
    await door.admission.release(DEVELOPER, "g1")
    account = await door.ledger.account(DEVELOPER)
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 0)


async def test_the_sweep_frees_what_is_over_or_never_came_to_be_and_nothing_young(door: Door) -> None:
    wide = Bounds(None, None)
    for name, facts in (("running", TO_STARTED), ("over", TO_COMPLETED), ("leaked", ())):
        await door.hold(name, wide)
        if facts:
            await door.live(name, facts)
    limit = door.clock.forward(minutes=2)
    await door.hold("young", wide)
    assert await door.admission.sweep(older_than=limit) == 2
    assert await door.admission.sweep(older_than=limit) == 0
    account = await door.ledger.account(DEVELOPER)
    assert {slot.generation for slot in account.slots} == {"running", "young"}
    assert account.used_in(NOVEMBER) == 3
    assert await door.admission.sweep(older_than=limit + timedelta(seconds=1)) == 1
