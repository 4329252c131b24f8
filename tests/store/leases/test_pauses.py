"""Pauses of all processes: one contract for both adapters."""

from collections.abc import Callable

import pytest

from store.leases.pauses import MemoryPauses, MongoPauses, Pause, Pauses
from store.mongo.connection import Database
from tests.builders.clock import Clock


@pytest.fixture
def pauses(kind: str, if_mongo: Callable[[], Database]) -> Pauses:
    return MemoryPauses(Clock.running().monotonic) if kind == "memory" else MongoPauses(if_mongo())


async def test_there_is_no_pause_before_one_begins(pauses: Pauses) -> None:
    assert await pauses.current("account") is None


async def test_a_pause_is_told_with_its_reason_and_what_is_left(pauses: Pauses) -> None:
    await pauses.begin("account", Pause("$throttled", 60))
    pause = await pauses.current("account")
    assert pause is not None
    assert pause.reason == "$throttled"
    assert 50 < pause.seconds <= 60
    assert await pauses.current("another") is None


async def test_a_shorter_pause_does_not_end_a_longer_one(pauses: Pauses) -> None:
    for reason, seconds in (("first", 30), ("longest", 60), ("short", 5)):
        await pauses.begin("account", Pause(reason, seconds))
    pause = await pauses.current("account")
    assert pause is not None
    assert (pause.reason, pause.seconds > 50) == ("longest", True)


async def test_a_pause_ends_by_itself(pauses: Pauses) -> None:
    await pauses.begin("account", Pause("over", -1))
    assert await pauses.current("account") is None
    await pauses.begin("account", Pause("next", 60))
    assert await pauses.current("account") is not None
