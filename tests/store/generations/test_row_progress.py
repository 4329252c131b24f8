"""Until when everything that was requested has its row, by the log and the checkpoint of the subscriber of rows."""

from datetime import datetime, timedelta

import pytest

from store.generations.row_progress import MARGIN, RowProgress
from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import Database
from tests.builders.clock import Clock

BEGAN = Clock()()


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.forward(minutes=10)
    return clock


@pytest.fixture
def progress(database: Database, clock: Clock) -> RowProgress:
    return RowProgress(database, SubscriberCheckpoints(database), clock, clock.monotonic)


async def store(database: Database, position: int | None, written: datetime) -> None:
    stream = f"generation-{written:%M%S}"
    name = f"{stream}:1"
    mark = {"unsealed": True} if position is None else {}
    await database["commits"].insert_one({"_id": name, "stream": stream, "first": 1, "time": written, **mark})
    if position is not None:
        await database["log"].insert_one({"_id": position, "commit": name})


async def pass_by(database: Database, position: int) -> None:
    await SubscriberCheckpoints(database).advance("projector", position)


async def test_all_rows_exist_where_the_subscriber_is_at_the_end(
    database: Database, progress: RowProgress, clock: Clock
) -> None:
    assert progress.known is None
    await store(database, 1, at(0))
    await pass_by(database, 1)
    assert await progress.until() == progress.known == clock() - MARGIN


async def test_a_commit_that_is_not_sealed_has_no_row(database: Database, progress: RowProgress) -> None:
    await store(database, 1, at(90))
    await store(database, None, at(60))
    await database["commits"].insert_one({"_id": "no readable time", "time": "damaged", "unsealed": True})
    await pass_by(database, 1)
    assert await progress.until() == at(60) - MARGIN


async def test_a_commit_behind_the_checkpoint_has_no_row_whatever_the_order_of_sealing(
    database: Database, progress: RowProgress
) -> None:
    for position, seconds in enumerate((10, 20, 500, 40), start=1):
        await store(database, position, at(seconds))
    await pass_by(database, 2)
    assert await progress.until() == at(40) - MARGIN


async def test_a_subscriber_that_is_always_a_little_behind_moves_the_moment_on(
    database: Database, progress: RowProgress, clock: Clock
) -> None:
    moments = []
    for position in range(1, 6):
        clock.forward(seconds=2)
        await store(database, position, clock())
        await pass_by(database, position - 1)
        moments.append(await progress.until())
    assert moments == sorted(moments)
    assert clock() - moments[-1] <= MARGIN + timedelta(seconds=4)


async def test_what_is_known_is_read_once_a_second(database: Database, progress: RowProgress, clock: Clock) -> None:
    first = await progress.until()
    clock.step(seconds=5)
    assert await progress.until() == first
    clock.forward(seconds=1)
    assert await progress.until() == first + timedelta(seconds=6)
