"""Positions in the queue, read from the rows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.generation.explanation import Ahead
from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from events.event import Event
from store.generations import queue as queue_module
from store.generations.mongo_projection import MongoProjection
from store.generations.projection import row_of
from store.generations.queue import Queue
from store.mongo.connection import Database
from tests.builders.generation import START, TO_COMPLETED, TO_REQUESTED, TO_VALIDATED, folded


def admitted(number: int, *events: Event, project: str = "prj-1", user: str = "usr-1") -> Generation:
    """Fold a generation that was admitted so many seconds after the start."""
    generation = folded(events or TO_REQUESTED)
    owner = generation.request.owner.model_copy(update={"project": project, "user": user})
    request = generation.request.model_copy(update={"owner": owner})
    moment = START + timedelta(seconds=number)
    return replace(generation, id=f"{project}-{number}", created_at=moment, request=request)


@pytest.fixture
async def queue(database: Database) -> Queue:
    return Queue(database, lambda: START + timedelta(days=1))


async def written(database: Database, *generations: Generation) -> None:
    rows = [row_of(generation, Timeouts(), {}) for generation in generations]
    await MongoProjection(database).write(rows)


async def test_the_position_counts_earlier_generations_in_the_same_state(database: Database, queue: Queue) -> None:
    mine = admitted(5)
    others = (admitted(1), admitted(2, project="prj-2"), admitted(3, *TO_VALIDATED), admitted(9))
    await written(database, mine, *others, admitted(4, *TO_COMPLETED))
    assert await queue.ahead(mine) == Ahead(2)
    assert await queue.ahead(others[0]) == Ahead(0)


async def test_a_position_above_the_bound_is_inexact(
    database: Database, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "POSITION_BOUND", 3)
    await written(database, *map(admitted, range(6)))
    assert await queue.ahead(admitted(3)) == Ahead(3)
    assert await queue.ahead(admitted(4)) == Ahead(3, exact=False)


async def test_those_who_ask_share_what_is_read_until_a_generation_is_newer(database: Database) -> None:
    queue = Queue(database, lambda: START + timedelta(seconds=10))
    await written(database, admitted(1), admitted(3))
    assert await queue.ahead(admitted(2)) == Ahead(1)
    await written(database, admitted(4))
    assert await queue.ahead(admitted(5)) == Ahead(2), "what was read a moment ago"
    assert await queue.ahead(admitted(11)) == Ahead(3), "read again for what was admitted since"


async def test_a_generation_is_not_before_itself(database: Database, queue: Queue) -> None:
    mine = replace(admitted(1), created_at=START + timedelta(microseconds=1_500))
    await written(database, mine)
    assert await queue.ahead(mine) == Ahead(0)


async def test_only_own_generations_are_listed(database: Database, queue: Queue) -> None:
    mine = [admitted(2), admitted(1)]
    others = [admitted(3, user="usr-2"), admitted(4, project="prj-2")]
    await written(database, *mine, *others)
    every = [generation.id for generation in (*mine, *others)]
    assert await queue.own("prj-1", "usr-1", every) == ["prj-1-1", "prj-1-2"]


async def test_the_position_is_counted_in_the_index_alone(database: Database, queue: Queue) -> None:
    await written(database, *map(admitted, range(50)))
    plan = await database.command(
        {
            "explain": {
                "count": "generations",
                "query": {"state": "requested", "created_at": {"$lt": admitted(20).created_at}, **_due()},
                "hint": "queue",
            },
            "verbosity": "executionStats",
        }
    )
    assert plan["executionStats"]["totalKeysExamined"] <= 21


def _due() -> dict[str, Any]:
    return dict(queue_module._UNFINISHED)
