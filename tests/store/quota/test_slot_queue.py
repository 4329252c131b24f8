"""Generations that wait for a slot: counted, given a slot in turn, compared with the log and rebuilt from it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.accounts.slot_queue import in_turn
from domain.accounts.tiers import TIERS
from domain.errors import LimitError
from domain.generation import decisions
from store.quota.comparison import Difference
from store.quota.ledger import Account, Bounds, Ledger, Slot
from store.quota.slot_queue import SlotQueue
from tests.builders.clock import Clock
from tests.builders.generation import VALIDATED
from tests.store.quota.conftest import BY_TEST, QuotaHarness
from tests.store.quota.test_recount import check, either, repair
from tests.stores import OpenStore

__all__ = ["either"]

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOVEMBER = "2026-11"
ONE = Bounds(monthly=100, concurrent=1, queued=3)
FREE = TIERS["free_starter"]


async def hold(ledger: Ledger, name: str, *, queue: bool = False, bounds: Bounds = ONE) -> Slot | None:
    """Hold for a generation that is named by its user and a number: `a1`."""
    queue_for = name[0] if queue else None
    return await ledger.hold("d", name, period=NOVEMBER, bounds=bounds, now=NOON, queue_for=queue_for)


async def filled(ledger: Ledger, *names: str) -> None:
    """Take the only slot, and let others wait."""
    assert await hold(ledger, "x0")
    for name in names:
        assert await hold(ledger, name, queue=True)


async def turns(ledger: Ledger) -> list[str]:
    return [one.generation for one in in_turn((await ledger.account("d")).queue)]


async def test_who_waits_has_a_unit_and_a_position_and_no_slot(ledger: Ledger) -> None:
    await filled(ledger, "a1", "b1")
    account = await ledger.account("d")
    assert (account.used_in(NOVEMBER), account.running, account.counted) == (3, 1, 3)
    assert account.waits("a1")
    assert not account.waits("x0")
    assert await ledger.queueing() == ["d"]


async def test_the_queue_is_bounded_and_a_slot_goes_to_no_newcomer(ledger: Ledger) -> None:
    await filled(ledger, "a1", "a2", "a3")
    assert await hold(ledger, "b1", queue=True) is None
    await ledger.settle("d", "x0", "spent")
    assert await hold(ledger, "c1") is None, "the free slot belongs to those who wait"


async def test_a_unit_is_needed_to_wait(ledger: Ledger) -> None:
    await filled(ledger)
    assert await hold(ledger, "a1", queue=True, bounds=replace(ONE, monthly=1)) is None


async def test_a_slot_is_given_once_and_only_if_one_is_free(ledger: Ledger) -> None:
    await filled(ledger, "a1", "a2", "b1")
    assert not await ledger.grant("d", "a1", bounds=ONE)
    await ledger.settle("d", "x0", "spent")
    granted = await asyncio.gather(*(ledger.grant("d", name, bounds=ONE) for name in ("a1", "a1", "a2", "b1")))
    assert granted.count(True) == 1
    account = await ledger.account("d")
    assert (account.running, len(account.queue), account.used_in(NOVEMBER)) == (1, 2, 4)
    assert not await ledger.grant("d", "x0", bounds=ONE)


async def test_the_turn_of_a_user_puts_their_others_behind(ledger: Ledger) -> None:
    await filled(ledger, "a1", "a2", "b1")
    await ledger.settle("d", "x0", "spent")
    assert await ledger.grant("d", "a1", bounds=ONE)
    assert await turns(ledger) == ["b1", "a2"]


@pytest.mark.parametrize("name", ["a1", "x0"])
async def test_settling_ends_the_wait_and_returns_the_unit(ledger: Ledger, name: str) -> None:
    await filled(ledger, "a1", "b1")
    for _ in range(2):
        await ledger.settle("d", name, "released")
    account = await ledger.account("d")
    left = {"x0", "a1", "b1"} - {name}
    assert {slot.generation for slot in account.slots} == left
    assert {one.generation for one in account.queue} == left - {"x0"}
    assert (account.counted, account.used_in(NOVEMBER)) == (2, 2)


async def test_repeated_and_concurrent_holds_wait_once(ledger: Ledger) -> None:
    await filled(ledger)
    slots = await asyncio.gather(*(hold(ledger, "a1", queue=True) for _ in range(8)))
    account = await ledger.account("d")
    assert {slot and slot.hold for slot in slots} == {account.slot_of("a1").hold}  # type: ignore[union-attr]
    assert ([one.generation for one in account.queue], account.counted) == (["a1"], 2)


async def test_an_entry_without_a_slot_is_given_back(store: OpenStore, clock: Clock) -> None:
    """The primary died between the statement that counts and the one that adds the slot."""
    await filled(store.ledger, "a1")
    documents = store.database["ledger"]
    await documents.delete_one({"_id": "d/a1"})
    await documents.update_one({"_id": "d"}, {"$set": {"counted_at": NOON - timedelta(days=400)}})
    assert await store.ledger.reconcile() == 1
    account = await store.ledger.account("d")
    assert (account.queue, account.counted, account.used_in(NOVEMBER)) == ((), 1, 1)


async def queued(harness: QuotaHarness, *names: str) -> SlotQueue:
    """Admit a running generation and others that wait, validated, each a second after the other."""
    await harness.admit("x0", ONE, user="x")
    await harness.live("x0", "running")
    for name in names:
        harness.clock.forward(seconds=1)  # type: ignore[attr-defined]
        await harness.admit(name, ONE, user=name[0], queue=True)
        await validate(harness, name)
    return SlotQueue(harness.ledger, harness.generations, {FREE.name: FREE})


async def validate(harness: QuotaHarness, name: str) -> None:
    await harness.generations.decide(name, lambda g: decisions.validate(g, VALIDATED), cause=BY_TEST)


async def take(harness: QuotaHarness, queue: SlotQueue, names: Sequence[str]) -> list[str]:
    """Let the actors of all who wait ask whether it is their turn; return whose it was."""
    found = await harness.generations.load_all(names)
    return [
        one.id for one in found if (await harness.ledger.account("dev-1")).waits(one.id) and await queue.take_turn(one)
    ]


async def test_only_the_one_whose_turn_it_is_gets_the_free_slot(either: QuotaHarness) -> None:
    queue = await queued(either, "a1", "a2", "b1")
    assert await take(either, queue, ["b1", "a2", "a1"]) == []
    await either.live("x0", "failed")
    await either.settle("x0")
    assert [one.id for one in await queue.next("dev-1")] == ["a1"]
    assert await take(either, queue, ["b1", "a2", "a1"]) == ["a1"]
    assert [one.id for one in await queue.next("dev-1")] == []


async def test_the_slots_of_the_present_tier_count(either: QuotaHarness) -> None:
    await queued(either, "a1", "a2", "b1")
    tier, three = FREE.name, replace(FREE, name="three", concurrent=3)

    async def current_tier(developer: str) -> str:
        assert developer == "dev-1"
        return tier

    queue = SlotQueue(either.ledger, either.generations, {FREE.name: FREE, "three": three}, current_tier)
    assert [one.id for one in await queue.next("dev-1")] == []
    tier = "three"
    assert [one.id for one in await queue.next("dev-1")] == ["a1", "b1"]
    assert await take(either, queue, ["a2", "b1", "a1"]) == ["b1", "a1"]


async def test_where_no_tier_is_configured_any_more_one_runs_after_the_other(either: QuotaHarness) -> None:
    await queued(either, "a1", "a2")
    queue = SlotQueue(either.ledger, either.generations, {})
    assert [one.id for one in await queue.next("dev-1")] == []
    await either.live("x0", "failed")
    await either.settle("x0")
    assert [one.id for one in await queue.next("dev-1")] == ["a1"]


async def test_a_slot_waits_neither_for_a_dead_gateway_nor_for_a_picture(either: QuotaHarness) -> None:
    queue = await queued(either)
    await either.ledger.hold("dev-1", "never", period=NOVEMBER, bounds=ONE, now=either.clock(), queue_for="n")
    await either.admit("b1", ONE, user="b", queue=True)
    await either.admit("c1", ONE, user="c", queue=True)
    await validate(either, "c1")
    await either.live("x0", "failed")
    await either.settle("x0")
    assert [one.id for one in await queue.next("dev-1")] == ["c1"]


async def test_without_the_preference_a_full_slot_is_refused_as_ever(either: QuotaHarness) -> None:
    await queued(either, "a1")
    with pytest.raises(LimitError):
        await either.admit("b1", ONE, user="b")


async def test_the_check_knows_the_queue(either: QuotaHarness) -> None:
    await queued(either, "a1", "b1")
    assert (await check(either)).differences == ()


async def test_a_queue_that_differs_from_the_log_is_found_and_rebuilt(harness: QuotaHarness, store: OpenStore) -> None:
    await queued(harness, "a1", "a2", "b1")
    order = await in_order(harness)
    await store.database["ledger"].update_one({"_id": "dev-1"}, {"$pull": {"queue": {"user": "a"}}})
    found = (await check(harness)).differences
    assert found == tuple(Difference("dev-1", "queue", name, 0, 1) for name in ("a1", "a2"))
    assert (await repair(harness)).corrections
    assert await in_order(harness) == order == ["a1", "b1", "a2"]
    assert (await check(harness)).differences == ()


async def test_a_lost_ledger_is_rebuilt_from_the_log_with_its_queue(harness: QuotaHarness, store: OpenStore) -> None:
    queue = await queued(harness, "a1", "a2", "b1")
    await harness.live("x0", "failed")
    await harness.settle("x0")
    assert await take(harness, queue, ["a1"]) == ["a1"]
    harness.clock.forward(seconds=1)  # type: ignore[attr-defined]
    await harness.live("a1", "running")
    before = await harness.ledger.account("dev-1")
    await store.database["ledger"].delete_many({})
    await repair(harness)
    after = await harness.ledger.account("dev-1")
    assert await in_order(harness) == ["b1", "a2"]
    assert names(after) == names(before)
    assert (after.running, after.used) == (before.running, before.used)


async def in_order(harness: QuotaHarness) -> list[str]:
    return [one.generation for one in in_turn((await harness.ledger.account("dev-1")).queue)]


def names(account: Account) -> set[str]:
    return {slot.generation for slot in account.slots}
