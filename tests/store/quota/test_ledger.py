import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.quota.ledger import Account, Bounds, Ledger, Settlement, Slot

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
NOVEMBER, DECEMBER = "2026-11", "2026-12"
FREE = Bounds(monthly=100, concurrent=1)
WIDE = Bounds(monthly=None, concurrent=None)


async def hold(
    ledger: Ledger, generation: str, bounds: Bounds = WIDE, *, period: str = NOVEMBER, developer: str = "d"
) -> Slot | None:
    return await ledger.hold(developer, generation, period=period, bounds=bounds, now=NOON)


async def test_an_unknown_developer_has_an_empty_account(ledger: Ledger) -> None:
    assert await ledger.account("d") == Account()
    assert list(await ledger.old_slots(LATER)) == []


async def test_a_hold_takes_a_slot_and_a_unit_of_its_month(ledger: Ledger) -> None:
    slot = await hold(ledger, "g1", FREE)
    assert slot is not None
    assert (slot.generation, slot.period, slot.since) == ("g1", NOVEMBER, NOON)
    account = await ledger.account("d")
    assert account.slots == (slot,)
    assert (account.used_in(NOVEMBER), account.used_in(DECEMBER)) == (1, 0)


@pytest.mark.parametrize("bounds", [FREE, Bounds(1, 5), Bounds(0, 0)], ids=str)
async def test_a_repeated_hold_changes_nothing_even_at_the_limits(ledger: Ledger, bounds: Bounds) -> None:
    first = await hold(ledger, "g1")
    account = await ledger.account("d")
    assert await hold(ledger, "g1", bounds) == first
    assert await hold(ledger, "g1", bounds, period=DECEMBER) == first
    assert await ledger.account("d") == account


@pytest.mark.parametrize(("holds", "kept"), [(1, 0), (2, 1)])
async def test_a_hold_that_was_repeated_is_not_released_as_held_once(ledger: Ledger, holds: int, kept: int) -> None:
    for _ in range(holds):
        await hold(ledger, "g1")
    await ledger.settle("d", "g1", "released", held_once=True)
    account = await ledger.account("d")
    assert (len(account.slots), account.used_in(NOVEMBER)) == (kept, kept)


async def test_the_monthly_limit_denies_until_the_next_month(ledger: Ledger) -> None:
    bounds = Bounds(monthly=2, concurrent=None)
    assert await hold(ledger, "g1", bounds)
    assert await hold(ledger, "g2", bounds)
    before = await ledger.account("d")
    assert await hold(ledger, "g3", bounds) is None
    after = await ledger.account("d")
    assert (after.slots, after.used_in(NOVEMBER)) == (before.slots, 2)
    assert await hold(ledger, "g3", bounds, period=DECEMBER)


async def test_the_slot_limit_denies(ledger: Ledger) -> None:
    assert await hold(ledger, "g1", FREE)
    assert await hold(ledger, "g2", FREE) is None
    assert await hold(ledger, "g3", Bounds(monthly=None, concurrent=0), developer="e") is None


async def test_a_denied_hold_leaves_nothing(ledger: Ledger) -> None:
    assert await hold(ledger, "g1", Bounds(monthly=0, concurrent=None)) is None
    account = await ledger.account("d")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 0)


@pytest.mark.parametrize(("settlement", "used"), [("spent", 1), ("released", 0)])
async def test_settling_frees_the_slot_and_only_a_release_returns_the_unit(
    ledger: Ledger, settlement: Settlement, used: int
) -> None:
    await hold(ledger, "g1", FREE)
    for _ in range(3):
        await ledger.settle("d", "g1", settlement)
    account = await ledger.account("d")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), used)
    assert await hold(ledger, "g2", FREE)


async def test_a_released_unit_returns_to_the_month_of_its_hold(ledger: Ledger) -> None:
    await hold(ledger, "g1", period=NOVEMBER)
    await hold(ledger, "g2", period=DECEMBER)
    await ledger.settle("d", "g1", "released")
    account = await ledger.account("d")
    assert (account.used_in(NOVEMBER), account.used_in(DECEMBER)) == (0, 1)
    assert [slot.generation for slot in account.slots] == ["g2"]


async def test_settling_without_a_hold_changes_nothing(ledger: Ledger) -> None:
    await ledger.settle("d", "g1", "released")
    await hold(ledger, "g1")
    before = await ledger.account("d")
    await ledger.settle("d", "g2", "released")
    await ledger.settle("other", "g1", "released")
    assert await ledger.account("d") == before


async def test_only_old_slots_are_listed(ledger: Ledger) -> None:
    await hold(ledger, "g1", developer="a")
    await hold(ledger, "g2", developer="b")
    await ledger.hold("c", "g3", period=NOVEMBER, bounds=WIDE, now=LATER)
    await ledger.settle("b", "g2", "spent")
    assert [(developer, slot.generation) for developer, slot in await ledger.old_slots(LATER)] == [("a", "g1")]


async def test_an_account_is_read_with_some_of_its_slots(ledger: Ledger) -> None:
    for developer in ("d", "d-1", "d0"):
        for generation in ("g1", "g2"):
            await hold(ledger, generation, developer=developer)
    whole = await ledger.account("d")
    assert [slot.generation for slot in whole.slots] == ["g1", "g2"]
    for only in ([], ["g2"], ["g3", "g1"]):
        account = await ledger.account("d", only=only)
        assert {slot.generation for slot in account.slots} == {"g1", "g2"} & {*only}
        assert (account.running, account.used) == (2, whole.used)


async def test_ids_that_look_like_operators_are_only_ids(ledger: Ledger) -> None:
    await hold(ledger, "$slots", developer="$d")
    await ledger.settle("$d", "$slots", "released")
    account = await ledger.account("$d")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 0)


@pytest.mark.parametrize("bounds", [Bounds(7, None), Bounds(None, 7), Bounds(7, 9)], ids=str)
async def test_fifty_concurrent_holds_get_exactly_the_limits(ledger: Ledger, bounds: Bounds) -> None:
    got = await asyncio.gather(*(hold(ledger, f"g{n}", bounds) for n in range(50)))
    assert sum(account is not None for account in got) == 7
    account = await ledger.account("d")
    assert (len(account.slots), account.used_in(NOVEMBER)) == (7, 7)


async def test_twenty_concurrent_holds_of_one_generation_take_one_slot(ledger: Ledger) -> None:
    for bounds in (FREE, WIDE, Bounds(monthly=3, concurrent=3)):
        developer = str(bounds)
        got = await asyncio.gather(*(hold(ledger, "g1", bounds, developer=developer) for _ in range(20)))
        assert None not in got
        account = await ledger.account(developer)
        assert (len(account.slots), account.running, account.used_in(NOVEMBER)) == (1, 1, 1)


async def test_concurrent_settlements_give_one_unit_back(ledger: Ledger) -> None:
    for number in range(3):
        await hold(ledger, f"g{number}")
    await asyncio.gather(*(ledger.settle("d", "g1", "released") for _ in range(20)))
    account = await ledger.account("d")
    assert (account.running, account.used_in(NOVEMBER)) == (2, 2)


@dataclass(frozen=True)
class Life:
    """One generation: its developer, month, repetitions of each step, and outcome."""

    developer: int
    period: str
    holds: int
    end: Settlement | None
    settles: int


LIVES = st.builds(
    Life,
    st.integers(0, 2),
    st.sampled_from([NOVEMBER, DECEMBER]),
    st.integers(1, 3),
    st.sampled_from([None, "spent", "released"]),
    st.integers(1, 3),
)
BOUNDS = st.builds(Bounds, st.none() | st.integers(0, 4), st.none() | st.integers(0, 3))


@given(lives=st.lists(LIVES, min_size=1, max_size=12), bounds=BOUNDS, seed=st.integers(0, 2**32))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_limits_hold_and_units_add_up_in_any_interleaving(
    ledger: Ledger, lives: list[Life], bounds: Bounds, seed: int
) -> None:
    chance, run = random.Random(seed), uuid.uuid4().hex
    names = [f"{run}-{life.developer}" for life in lives]

    async def within_limits(developer: str) -> Account:
        account = await ledger.account(developer)
        assert bounds.concurrent is None or account.running <= bounds.concurrent
        assert bounds.monthly is None or all(used <= bounds.monthly for _, used in account.used)
        assert len({slot.generation for slot in account.slots}) == len(account.slots)
        return account

    async def live(number: int, life: Life) -> bool:
        developer, generation = names[number], f"g{number}"
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        held = await asyncio.gather(
            *(hold(ledger, generation, bounds, period=life.period, developer=developer) for _ in range(life.holds))
        )
        await within_limits(developer)
        if life.end and any(held):
            await asyncio.gather(*(ledger.settle(developer, generation, life.end) for _ in range(life.settles)))
        return any(account is not None for account in held)

    held = await asyncio.gather(*(live(number, life) for number, life in enumerate(lives)))
    for developer in set(names):
        mine = [(number, life) for number, life in enumerate(lives) if names[number] == developer and held[number]]
        account = await within_limits(developer)
        assert account.running == len(account.slots)
        assert {slot.generation for slot in account.slots} == {f"g{n}" for n, life in mine if life.end is None}
        for period in (NOVEMBER, DECEMBER):
            assert account.used_in(period) == recount([life for _, life in mine], period)


def recount(lives: Sequence[Life], period: str) -> int:
    return sum(life.period == period and life.end != "released" for life in lives)


async def test_a_hold_that_the_log_names_is_settled_without_being_read(ledger: Ledger) -> None:
    slot = await hold(ledger, "g1")
    assert slot is not None
    for _ in range(2):
        await ledger.settle("d", "g1", "spent", hold=slot.hold, period=NOVEMBER)
    account = await ledger.account("d")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 1)


@pytest.mark.parametrize("period", [NOVEMBER, DECEMBER])
async def test_another_hold_than_the_log_names_is_released(ledger: Ledger, period: str) -> None:
    await hold(ledger, "g1")
    await ledger.settle("d", "g1", "spent", hold="another", period=period)
    account = await ledger.account("d")
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 0)
