import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from store.log.parking import Parked, Parking
from store.mongo.connection import Database

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PARKED = Parked(subscriber="delivery", position=7, commit="a:1", error="ValueError", tries=1, since=NOON, due_at=NOON)


async def test_due_commits_of_a_subscriber_are_read_longest_due_first(database: Database) -> None:
    parking = Parking(database)
    later = replace(PARKED, position=8, due_at=NOON + timedelta(minutes=1))
    future = replace(PARKED, position=9, due_at=NOON + timedelta(hours=1))
    other = replace(PARKED, subscriber="projection")
    for parked in (future, later, PARKED, other):
        await parking.park(parked)
    assert await parking.due("delivery", NOON + timedelta(minutes=2), limit=10) == [PARKED, later]
    assert await parking.due("delivery", NOON + timedelta(minutes=2), limit=1) == [PARKED]
    assert len(await parking.all()) == 4


async def test_subscribers_that_ask_together_get_their_own(database: Database) -> None:
    parking = Parking(database)
    await parking.park(PARKED)
    names = ("delivery", "projection", "usage")
    due = await asyncio.gather(*(parking.due(name, NOON, limit=10) for name in names))
    assert due == [[PARKED], [], []]
    before = NOON - timedelta(seconds=1)
    assert await asyncio.gather(*(parking.due(name, before, limit=10) for name in names)) == [[], [], []]


async def test_parking_again_replaces_and_release_removes(database: Database) -> None:
    parking = Parking(database)
    again = replace(PARKED, tries=2)
    for parked in (PARKED, again):
        await parking.park(parked)
    assert await parking.all() == [again]
    for _ in range(2):
        await parking.release("delivery", 7)
    assert await parking.all() == []
