"""Users take turns at the slots of their developer."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.accounts.slot_queue import Waiting, in_turn
from store.quota.ledger import Bounds
from store.quota.memory_ledger import MemoryLedger

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ARRIVALS = 1_000


def waiting(*names: str) -> list[Waiting]:
    """Let generations arrive one after the other, named by user and number: `a1`."""
    return [Waiting(name, name[0], NOW, number) for number, name in enumerate(names, start=1)]


def order(queue: list[Waiting]) -> list[str]:
    return [one.generation for one in in_turn(queue)]


def test_users_take_turns_in_the_order_in_which_they_began_to_wait() -> None:
    assert order(waiting("a1", "a2", "a3", "b1", "c1", "b2")) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_user_who_had_a_turn_comes_after_those_who_waited_meanwhile() -> None:
    a2, b1 = Waiting("a2", "a", NOW, 9), Waiting("b1", "b", NOW, 3)
    assert order([a2, b1]) == ["b1", "a2"]


class Life:
    """A developer whose users submit and end at random; counts the turns of others while a user waits."""

    def __init__(self, seed: int, users: int, slots: int) -> None:
        self.chance, self.ledger = random.Random(seed), MemoryLedger()
        self.bounds = Bounds(None, slots, queued=40)
        self.names, self.weights = [f"u{n}" for n in range(users)], [1 + 9 * (n == 0) for n in range(users)]
        self.running = list[str]()
        self.passed = dict[str, Counter[str]]()
        self.most = 0
        self.granted = 0

    async def arrive(self, number: int) -> None:
        [user] = self.chance.choices(self.names, self.weights)
        name, now = f"{user}-{number}", NOW + timedelta(seconds=number)
        taken = await self.ledger.hold("d", name, period="2026-11", bounds=self.bounds, now=now)
        if taken is not None:
            assert not self.passed, "a slot goes to those who wait"
            self.running.append(name)
        elif await self.ledger.hold("d", name, period="2026-11", bounds=self.bounds, now=now, queue_for=user):
            self.passed.setdefault(user, Counter())

    async def end_one(self) -> None:
        name = self.running.pop(self.chance.randrange(len(self.running)))
        await self.ledger.settle("d", name, "spent")
        queue = (await self.ledger.account("d")).queue
        if queue:
            await self._grant(in_turn(queue)[0])

    async def _grant(self, first: Waiting) -> None:
        assert await self.ledger.grant("d", first.generation, bounds=self.bounds)
        self.granted += 1
        self.running.append(first.generation)
        left = {one.user for one in (await self.ledger.account("d")).queue}
        del self.passed[first.user]
        for turns in self.passed.values():
            turns[first.user] += 1
            self.most = max(self.most, turns[first.user])
        if first.user in left:
            self.passed[first.user] = Counter()


@pytest.mark.parametrize(("seed", "users", "slots"), [(1, 2, 1), (2, 7, 3), (3, 30, 10)])
async def test_no_user_waits_more_than_one_round_of_the_others(seed: int, users: int, slots: int) -> None:
    life = Life(seed, users, slots)
    for number in range(ARRIVALS):
        await life.arrive(number)
        if life.running and life.chance.random() < 0.9:
            await life.end_one()
        account = await life.ledger.account("d")
        assert account.running == len(life.running) <= slots
        assert not account.queue or account.running == slots
    assert life.granted > ARRIVALS / 20
    assert life.most == 1


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=40))
@settings(deadline=None)
def test_a_position_grows_only_for_a_later_request_of_a_user_when_another_user_sends_one(
    steps: list[tuple[str, bool]],
) -> None:
    asyncio.run(watch_positions(steps))


async def watch_positions(steps: list[tuple[str, bool]]) -> None:
    """Let users arrive, or the next one get its slot or be cancelled; compare the positions of the others."""
    ledger, before = MemoryLedger(), dict[str, int]()
    bounds = Bounds(None, 1, queued=100)
    await ledger.hold("d", "x0", period="2026-11", bounds=bounds, now=NOW)
    for number, (user, ends) in enumerate(steps):
        queue = in_turn((await ledger.account("d")).queue)
        heads = {one.user: one.generation for one in reversed(queue)}
        if ends and queue:
            taken = queue[number % len(queue)]
            if taken is queue[0]:
                await ledger.settle("d", "x0", "spent")
                await ledger.grant("d", taken.generation, bounds=bounds)
            await ledger.settle("d", taken.generation, "released")
            await ledger.hold("d", "x0", period="2026-11", bounds=replace(bounds, concurrent=None), now=NOW)
        else:
            name = f"{user}{number}"
            await ledger.hold("d", name, period="2026-11", bounds=bounds, now=NOW, queue_for=user)
        after = {one.generation: position for position, one in enumerate(in_turn((await ledger.account("d")).queue))}
        grown = [name for name, position in after.items() if name in before and position > before[name]]
        assert all(not ends and name[0] != user and name not in heads.values() for name in grown)
        before = after
