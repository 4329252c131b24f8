import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.generation.lifecycle import Timeouts
from domain.generation.listing import Filters, Scope
from store.adapters import create_indexes
from store.generations.lists import Lists, Total
from store.generations.mongo_projection import MongoProjection
from store.generations.projection import Row, row_of
from store.mongo.connection import Database
from tests.builders.generation import (
    CLAIM_UNTIL,
    FINISH_BY,
    START,
    START_BY,
    TO_COMPLETED,
    TO_INTENDED,
    folded,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OWN = Scope("prj-1", "usr-1")
ROW = row_of(folded(TO_INTENDED), Timeouts(), {})


@pytest.fixture
async def rows(database: Database) -> MongoProjection:
    await create_indexes(database, [MongoProjection])
    return MongoProjection(database)


@pytest.fixture
async def lists(database: Database) -> Lists:
    await create_indexes(database, [Lists])
    return Lists(database)


async def listed(lists: Lists) -> list[Row]:
    return list(await lists.page(OWN, Filters(), page=1, per_page=100))


def test_a_row_says_what_the_fold_says() -> None:
    assert (ROW.state, ROW.status, ROW.attempt, ROW.version) == ("invoking", "pending", 1, 4)
    assert (ROW.due_at, ROW.start_by, ROW.finish_by) == (CLAIM_UNTIL, START_BY, FINISH_BY)
    over = row_of(folded(TO_COMPLETED), Timeouts(), {})
    assert (over.status, over.cost_microusd, over.failure) == ("completed", 4_000, None)


async def test_a_row_is_read_back_as_it_was_written(rows: MongoProjection, lists: Lists) -> None:
    await rows.write([ROW])
    assert await listed(lists) == [ROW]
    assert await rows.versions([ROW.id, "other"]) == {ROW.id: 4}


def test_a_row_knows_the_request_that_began_it_and_what_clients_see_of_its_state() -> None:
    assert (ROW.request_id, ROW.shown) == (folded(TO_INTENDED).request_id, "invoking")
    canceling = replace(folded(TO_INTENDED), cancel_requested=True)
    assert row_of(canceling, Timeouts(), {}).shown == "canceling"


def test_metadata_leave_hashes_in_a_row_and_nothing_in_that_of_an_erased_one() -> None:
    generation = folded(TO_COMPLETED)
    said = {"order": 7, "name": "Ada Lovelace", "deep": {"a": 1}, "list": [1]}
    row = row_of(generation, Timeouts(), said)
    assert len(row.labels) == 2
    assert "Ada" not in repr(row)
    assert row_of(replace(generation, erased=True), Timeouts(), said).labels == ()


async def test_only_a_newer_row_is_written_over_a_row(rows: MongoProjection, lists: Lists) -> None:
    newer = replace(ROW, version=9, status="completed")
    await rows.write([newer])
    await rows.write([ROW, replace(ROW, version=9, status="failed")])
    assert await listed(lists) == [newer]


@pytest.mark.parametrize("round_number", range(10))
async def test_however_versions_race_the_newest_stands(rows: MongoProjection, round_number: int) -> None:
    versions = list(range(1, 13))
    random.Random(round_number).shuffle(versions)
    await asyncio.gather(*(rows.write([replace(ROW, version=version)]) for version in versions))
    assert await rows.versions([ROW.id]) == {ROW.id: 12}


async def test_a_repeat_in_a_batch_does_not_stop_the_others(rows: MongoProjection) -> None:
    await rows.write([ROW])
    await rows.write([ROW, replace(ROW, id="g2"), replace(ROW, version=5)])
    await rows.write([])
    assert await rows.versions([ROW.id, "g2"]) == {ROW.id: 5, "g2": 4}


async def test_pages_are_newest_first_and_count_all(rows: MongoProjection, lists: Lists) -> None:
    await rows.write([replace(ROW, id=f"g{n}", created_at=NOON + n * MINUTE) for n in range(5)])
    await rows.write([replace(ROW, id="twin", created_at=NOON + 4 * MINUTE)])
    pages = [await lists.page(OWN, Filters(), page=number, per_page=4) for number in (1, 2, 3)]
    assert [[row.id for row in page] for page in pages] == [["twin", "g4", "g3", "g2"], ["g1", "g0"], []]
    assert await lists.total(OWN, Filters()) == Total(6, exact=True)


async def test_a_user_sees_neither_others_nor_what_was_erased(rows: MongoProjection, lists: Lists) -> None:
    await rows.write(
        [
            ROW,
            replace(ROW, id="erased", erased=True),
            replace(ROW, id="other user", user="usr-2"),
            replace(ROW, id="other project", project="prj-2"),
        ]
    )
    assert [row.id for row in await listed(lists)] == [ROW.id]


async def test_everybody_in_a_project_sees_what_is_public(rows: MongoProjection, lists: Lists) -> None:
    public = replace(ROW, id="public", user="usr-2", is_public=True)
    await rows.write([ROW, public, replace(public, id="elsewhere", project="prj-2")])
    scope = Scope("prj-1", public=True)
    assert list(await lists.page(scope, Filters(), page=1, per_page=10)) == [public]
    assert await lists.total(scope, Filters()) == Total(1, exact=True)


async def due(
    rows: MongoProjection, after: str = "", limit: int = 10, *, canceling: bool = False
) -> list[str]:
    found = await rows.due(
        NOON + 3 * MINUTE, states=["requested", "started"], after=after, limit=limit, canceling=canceling
    )
    return [row.id for row in found]


async def test_due_rows_are_gone_round_by_id_so_that_none_hides_another(rows: MongoProjection) -> None:
    for minutes in (3, 1, 2, 9):
        await rows.write([replace(ROW, id=f"g{minutes}", state="started", due_at=NOON + minutes * MINUTE)])
    await rows.write([replace(ROW, id="done", state="started", due_at=None)])
    await rows.write([replace(ROW, id="elsewhere", state="settled", due_at=NOON)])
    assert await due(rows) == ["g1", "g2", "g3"]
    assert await due(rows, limit=1) == ["g1"]
    assert await due(rows, after="g1") == ["g2", "g3"]


async def test_due_rows_of_those_who_want_to_cancel_can_be_asked_for(rows: MongoProjection) -> None:
    await rows.write([replace(ROW, id="runs", state="started", due_at=NOON)])
    await rows.write([replace(ROW, id="ends", state="started", due_at=NOON, cancel_requested=True)])
    assert await due(rows, canceling=True) == ["ends"]


@pytest.mark.parametrize(
    ("state", "status", "age", "expired"),
    [
        ("validated", "pending", timedelta(0), False),
        ("validated", "pending", START_BY - START, True),
        ("invoking", "pending", START_BY - START, False),
        ("started", "processing", START_BY - START, False),
        ("started", "processing", FINISH_BY - START, True),
        ("completed", "completed", FINISH_BY - START, False),
        ("failed", "failed", FINISH_BY - START, False),
    ],
)
async def test_unfinished_rows_expire_at_their_deadline(
    rows: MongoProjection, state: str, status: str, age: timedelta, expired: bool
) -> None:
    row = replace(ROW, state=state, status=status)
    await rows.write([row])
    assert list(await rows.expired(START + age, limit=10)) == ([row] if expired else [])
