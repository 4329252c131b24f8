"""Lists as they read the rows that the projection writes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.generation.lifecycle import Timeouts
from domain.generation.listing import Filters, Scope
from store.generations.lists import READ_TO_COUNT, Lists, Total
from store.generations.mongo_projection import MongoProjection, row_from
from store.generations.projection import Row, row_of
from store.mongo.connection import Database
from tests.builders.generation import (
    TO_INTENDED,
    folded,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OWN = Scope("prj-1", "usr-1")
ROW = row_of(folded(TO_INTENDED), Timeouts(), {})


@pytest.fixture
async def rows(database: Database) -> MongoProjection:
    return MongoProjection(database)


@pytest.fixture
async def lists(database: Database) -> Lists:
    return Lists(database)


async def listed(lists: Lists) -> list[str]:
    return list((await lists.page(OWN, Filters(), page=1, per_page=100))[0])


async def stored(rows: MongoProjection) -> Row:
    [document] = (await rows.stored([ROW.id])).values()
    return row_from(document)


async def total_of(lists: Lists, scope: Scope, filters: Filters) -> Total:
    return (await lists.page(scope, filters, page=1, per_page=1))[1]


async def test_a_row_is_read_back_unchanged(rows: MongoProjection, lists: Lists) -> None:
    await rows.write([ROW])
    assert await stored(rows) == ROW
    assert await listed(lists) == [ROW.id]
    assert await rows.versions([ROW.id, "other"]) == {ROW.id: 4}


async def test_only_a_newer_row_replaces_a_row(rows: MongoProjection) -> None:
    newer = replace(ROW, version=9, status="completed")
    await rows.write([newer])
    await rows.write([ROW, replace(ROW, version=9, status="failed")])
    assert await stored(rows) == newer


async def test_pages_are_newest_first_and_count_all(rows: MongoProjection, lists: Lists) -> None:
    await rows.write([replace(ROW, id=f"g{n}", created_at=NOON + n * MINUTE) for n in range(5)])
    await rows.write([replace(ROW, id="twin", created_at=NOON + 4 * MINUTE)])
    pages = [(await lists.page(OWN, Filters(), page=number, per_page=4))[0] for number in (1, 2, 3)]
    assert [[*page] for page in pages] == [["twin", "g4", "g3", "g2"], ["g1", "g0"], []]
    assert await total_of(lists, OWN, Filters()) == Total(6, exact=True)


async def test_a_list_is_counted_alike_by_its_keys_and_by_its_page(rows: MongoProjection, lists: Lists) -> None:
    written = 0
    for size in (1, READ_TO_COUNT, READ_TO_COUNT + 1, READ_TO_COUNT + 2):
        await rows.write([replace(ROW, id=f"g{n:03}", created_at=NOON + n * MINUTE) for n in range(written, size)])
        written = size
        for page, per_page in ((1, 1), (1, 100), (2, 100), (3, 100), (size, 1)):
            found, total = await lists.page(OWN, Filters(), page=page, per_page=per_page)
            behind = size - (page - 1) * per_page
            assert (len(found), total) == (max(0, min(per_page, behind)), Total(size, exact=True)), (page, per_page)
        step = await lists.older_than(None, OWN, Filters(), limit=60)
        assert (len(step.ids), step.total) == (min(60, size), Total(size, exact=True))
        assert (step.next_cursor is None) == (size <= 60)
        if step.next_cursor is not None:
            rest = await lists.older_than(step.next_cursor, OWN, Filters(), limit=60)
            assert (len(rest.ids), rest.total, rest.next_cursor) == (size - 60, None, None)


async def test_a_user_sees_only_own_rows_that_are_not_erased(rows: MongoProjection, lists: Lists) -> None:
    await rows.write(
        [
            ROW,
            replace(ROW, id="erased", erased=True),
            replace(ROW, id="other user", user="usr-2"),
            replace(ROW, id="other project", project="prj-2"),
        ]
    )
    assert await listed(lists) == [ROW.id]


async def test_a_project_sees_its_public_rows(rows: MongoProjection, lists: Lists) -> None:
    public = replace(ROW, id="public", user="usr-2", is_public=True)
    await rows.write([ROW, public, replace(public, id="elsewhere", project="prj-2")])
    scope = Scope("prj-1", public=True)
    assert await lists.page(scope, Filters(), page=1, per_page=10) == ([public.id], Total(1, exact=True))
    assert await total_of(lists, scope, Filters()) == Total(1, exact=True)


async def test_a_list_longer_than_the_bound_is_counted_again_after_ten_seconds(
    rows: MongoProjection, database: Database
) -> None:
    now = 0.0
    lists = Lists(database, bound=105, monotonic=lambda: now)
    ids = [f"{number:03}" for number in range(110)]
    await rows.write([replace(ROW, id=one) for one in ids])
    assert await total_of(lists, OWN, Filters()) == Total(105, exact=False)
    await rows.remove(ids[:7])
    assert await total_of(lists, OWN, Filters()) == Total(105, exact=False)
    assert await total_of(lists, OWN, Filters(status="completed")) == Total(0, exact=True), "another list"
    now = 10.0
    assert await total_of(lists, OWN, Filters()) == Total(103, exact=True)
