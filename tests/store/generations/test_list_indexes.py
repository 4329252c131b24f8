"""Every filter uses an index, as MongoDB explains the commands that the store sends."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import pytest_asyncio

from domain.generation.lifecycle import Timeouts
from domain.generation.listing import TOTAL_BOUND, Filters, ListCursor, Scope
from store.adapters import ADAPTERS, create_indexes
from store.generations.lists import READ_TO_COUNT, Lists, Total
from store.generations.mongo_projection import MongoProjection
from store.generations.projection import row_of
from store.generations.queue import Queue
from store.mongo.connection import Database, aggregate, open_database
from store.quota.durations import RecentDurations
from store.quota.usage import Usage
from tests.builders.generation import TO_COMPLETED, folded
from tests.stores import settings_for
from tests.systems.databases import Databases

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GENERATION = folded(TO_COMPLETED)
ROW = row_of(GENERATION, Timeouts(), {}).as_document()
ROWS = 3_000
LIMIT = 10

OWN = Scope("prj-1", "usr-1")
PROJECT = Scope("prj-1")
PUBLIC = Scope("prj-1", public=True)
FILTERS = {
    "none": Filters(),
    "status": Filters(status="failed"),
    "unfinished": Filters(status="pending"),
    "state": Filters(state="canceling"),
    "time": Filters(created_after=NOON + timedelta(seconds=900), created_before=NOON + timedelta(seconds=950)),
    "metadata": Filters(metadata=(("order", "7"),)),
    "two of metadata": Filters(metadata=(("order", "7"), ("batch", "x"))),
    "request": Filters(request_id="r-7"),
    "key": Filters(id="g00000007"),
    "status and time": Filters(status="failed", created_before=NOON + timedelta(seconds=2_000)),
    "metadata and status": Filters(metadata=(("order", "7"),), status="completed"),
    "all": Filters(
        status="completed",
        state="completed",
        created_after=NOON,
        created_before=NOON + timedelta(days=1),
        metadata=(("order", "7"), ("batch", "x")),
        request_id="r-7",
        id="g00000007",
    ),
}
CURSOR = ListCursor(NOON + timedelta(seconds=2_500), "g00002500")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(databases: Databases) -> AsyncIterator[Database]:
    """A new database, whose indexes nobody has used."""
    with databases.unprepared() as url:
        async with open_database(settings_for(url)) as database:
            yield database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lists(database: Database) -> AsyncIterator[Lists]:
    """Fill a collection in which few rows match one filter and most are of other users or erased."""
    lists = Lists(database)
    await create_indexes(database, [MongoProjection, Lists])
    await database.get_collection("generations").insert_many([document(number) for number in range(ROWS)])
    yield lists


@pytest_asyncio.fixture(loop_scope="module")
async def profile(lists: Lists, database: Database) -> AsyncIterator[Any]:
    """Let MongoDB profile every command of one test."""
    profile = database.get_collection("system.profile")
    await database.command("profile", 2)
    yield profile
    await database.command("profile", 0)
    await profile.drop()


@cache
def labels_of(order: int, batch: str) -> list[Any]:
    return list(row_of(GENERATION, Timeouts(), {"order": order, "batch": batch}).labels)


def document(number: int) -> dict[str, Any]:
    shown = {7: "failed", 8: "canceling", 9: "waiting"}.get(number % 300, "completed")
    status = {"canceling": "processing", "waiting": "pending"}.get(shown, shown)
    return {
        **ROW,
        "_id": f"g{number:08}",
        "user": f"usr-{number % 3}",
        "created_at": NOON + timedelta(seconds=number),
        "erased": number % 10 == 4,
        "is_public": number % 5 == 2,
        "shown": shown,
        "status": status,
        "request_id": f"r-{number}",
        "labels": labels_of(number % 300, "x" if number % 2 else "y"),
    }


ASKED = [
    (scope, name)
    for scope, name in itertools.product((OWN, PROJECT, PUBLIC), FILTERS)
    # The API refuses filters by what the public view hides.
    if not scope.public or name == "all" or not (FILTERS[name].metadata or FILTERS[name].request_id)
]
USES = {
    "list_own_all": "GET /generations-v2",
    "list_own_state": "GET /generations-v2?status= or state=",
    "list_own_label": "GET /generations-v2?metadata.key=",
    "list_project_all": "GET /projects/{id}/generations",
    "list_project_state": "GET /projects/{id}/generations?status= or state=",
    "list_project_label": "GET /projects/{id}/generations?metadata.key=",
    "list_project_request": "GET /generations-v2 and /projects/{id}/generations, ?request_id=",
    "list_public_all": "GET /public-generations-v2",
    "list_public_state": "GET /public-generations-v2?status= or state=",
    "due": "jobs redelivery, reconciliation and polling",
    "start": "job deadlines: too late to start",
    "finish": "job deadlines: too late to finish",
    "unresolved": "job late_predictions",
    "uncharged": "the settlement of a run in vain",
    "queue": "GET /generations-v2/{id}/explain",
    "held_by_developer": "Retry-After of a full limit; exemplar quota check",
    "held": "Retry-After of a full limit, of a developer with few generations",
    "_id_": "rows of one generation; ?idempotency_key=",
}
"""The routes, jobs and commands that each index answers."""


async def total_of(lists: Lists, scope: Scope, filters: Filters) -> Total:
    return (await lists.page(scope, filters, page=1, per_page=1))[1]


async def test_every_index_is_used_by_a_route_a_job_or_a_command(lists: Lists, database: Database) -> None:
    rows, queue, durations = MongoProjection(database), Queue(database, lambda: NOON), RecentDurations(database)
    await create_indexes(database, ADAPTERS.values())
    for scope, name in ASKED:
        await lists.page(scope, FILTERS[name], page=1, per_page=LIMIT)
    await rows.due({"started": NOON}, after="", limit=LIMIT)
    await rows.expired(NOON, limit=LIMIT)
    await rows.unresolved(NOON, limit=LIMIT)
    await rows.uncharged("dev-1", "2026-11")
    await queue.ahead(folded(TO_COMPLETED))
    await durations("nobody")
    await Usage(database).admitted("dev-1", NOON)
    used = await aggregate(database.get_collection("generations"), [{"$indexStats": {}}])
    assert {one["name"] for one in used} == set(USES)
    assert {one["name"] for one in used if not one["accesses"]["ops"]} == set()


async def test_jobs_examine_no_more_rows_than_they_read(lists: Lists, database: Database, profile: Any) -> None:
    rows = MongoProjection(database)
    await create_indexes(database, [RecentDurations])
    await rows.due({"started": NOON, "requested": NOON}, after="", limit=LIMIT)
    await rows.expired(NOON + timedelta(days=1), limit=LIMIT)
    await RecentDurations(database)("dev-1")
    found = await profile.find({"ns": {"$regex": "generations$"}, "op": "query"}).to_list(9)
    due, start, finish, durations = (profiled["docsExamined"] for profiled in found[:4])
    assert max(due, start, finish) <= LIMIT
    assert durations == 0


@pytest.mark.parametrize(("scope", "name"), ASKED)
async def test_every_filter_uses_an_index(
    lists: Lists, database: Database, profile: Any, scope: Scope, name: str
) -> None:
    filters = FILTERS[name]
    await lists.page(scope, filters, page=1, per_page=LIMIT)
    await lists.older_than(CURSOR, scope, filters, limit=LIMIT)
    await total_of(lists, scope, filters)
    found = await profile.find({"ns": {"$regex": "generations$"}}).to_list(9)
    assert len(found) >= 3
    for profiled in found:
        assert {"IXSCAN", "COUNT_SCAN"} & set(re.findall(r"[A-Z_]+", profiled["planSummary"]))
        assert "COLLSCAN" not in profiled["planSummary"]
        assert not profiled.get("hasSortStage")
    reads = [profiled for profiled in found if "count" not in profiled["command"]]
    for profiled in reads[:2]:
        # A few more keys are read when several states or labels are merged.
        assert profiled["keysExamined"] <= max(2 * LIMIT, READ_TO_COUNT) + 12
        assert profiled["docsExamined"] <= 2 * LIMIT


@pytest.mark.parametrize("scope", [OWN, PROJECT, PUBLIC])
@pytest.mark.parametrize("filters", [Filters(), Filters(state="completed")])
async def test_a_page_and_its_total_read_the_index_alone(
    lists: Lists, profile: Any, scope: Scope, filters: Filters
) -> None:
    _, total = await lists.page(scope, filters, page=1, per_page=LIMIT)
    assert total.number > READ_TO_COUNT
    found = await profile.find({"ns": {"$regex": "generations$"}}).to_list(9)
    assert [profiled["docsExamined"] for profiled in found] == [0, 0]


async def test_first_pages_that_are_read_at_the_same_time_share_a_command(
    lists: Lists, database: Database, profile: Any
) -> None:
    asked = [(OWN, LIMIT), (PROJECT, 3), (PUBLIC, LIMIT), (Scope("prj-1", "nobody"), LIMIT)]
    pages = await asyncio.gather(*(lists.older_than(None, scope, Filters(), limit=limit) for scope, limit in asked))
    found = await profile.find({"ns": {"$regex": "generations$"}, "command.aggregate": {"$exists": True}}).to_list(9)
    assert [(one["docsExamined"], one["cursorExhausted"]) for one in found] == [(0, True)], "one command, indexes alone"
    for (scope, limit), page in zip(asked, pages, strict=True):
        assert page == await lists.older_than(None, scope, Filters(), limit=limit), scope
    shared = found[0]["command"]["pipeline"]
    others = [step["$unionWith"]["pipeline"] for step in shared if "$unionWith" in step]
    plans = [await explained(database, steps) for steps in (shared[:4], *others)]
    wanted = ["list_own_all", "list_project_all", "list_public_all", "list_own_all"]
    assert [re.findall("'indexName': '([a-z_]+)'|(SORT|FETCH)'", plan) for plan in plans] == [
        [(index, "")] for index in wanted
    ], "the planner chooses the index that has the list in its order, although it is named for the first alone"


async def explained(database: Database, steps: Any) -> str:
    command = {"aggregate": "generations", "pipeline": steps, "cursor": {}}
    answer = await database.command("explain", command, verbosity="queryPlanner")
    planner = answer.get("queryPlanner") or answer["stages"][0]["$cursor"]["queryPlanner"]
    return str(planner["winningPlan"])


async def test_a_list_that_was_long_a_moment_ago_is_read_no_further_than_its_page(
    database: Database, lists: Lists, profile: Any
) -> None:
    bounded = Lists(database, bound=READ_TO_COUNT + 20)
    for _ in range(2):
        page = await bounded.older_than(None, OWN, Filters(), limit=LIMIT)
        assert (len(page.ids), page.total) == (LIMIT, Total(READ_TO_COUNT + 20, exact=False))
    found = await profile.find({"ns": {"$regex": "generations$"}}).to_list(9)
    assert [one["keysExamined"] for one in found][-1] == LIMIT + 1
    assert len(found) == 3, "the list was counted once"


COMMON = {
    "metadata and status": Filters(metadata=(("batch", "x"),), status="failed"),
    "two of metadata, the common one first": Filters(metadata=(("batch", "x"), ("order", "7"))),
    "metadata and time": Filters(metadata=(("batch", "x"),), created_before=NOON + timedelta(seconds=9)),
    "status and state that exclude each other": Filters(status="failed", state="completed"),
    "status and time": Filters(status="completed", created_before=NOON + timedelta(seconds=9)),
}


@pytest.mark.parametrize("name", COMMON)
async def test_filter_combinations_stay_within_the_scan_limit_and_cursors_find_everything(
    lists: Lists, database: Database, profile: Any, name: str
) -> None:
    bound, filters = 50, COMMON[name]
    expected, _ = await lists.page(PROJECT, filters, page=1, per_page=ROWS)
    bounded = Lists(database, bound=bound)
    await profile.database.command("profile", 0)
    await profile.drop()
    await profile.database.command("profile", 2)
    read: list[str] = []
    step = await bounded.older_than(None, PROJECT, filters, limit=LIMIT)
    read += step.ids
    while step.next_cursor is not None:
        step = await bounded.older_than(step.next_cursor, PROJECT, filters, limit=LIMIT)
        read += step.ids
    total = await total_of(bounded, PROJECT, filters)
    assert read == [*expected]
    assert total.number <= len(expected)
    assert total == Total(len(expected), exact=True) or not total.exact
    asked = {"ns": {"$regex": "generations$"}}
    found = await profile.find(asked, {"execStats": 0}).to_list(None)  # it holds dates that Python has not
    assert found
    for profiled in found:
        assert profiled["docsExamined"] <= bound + 1
        assert profiled["keysExamined"] <= 2 * bound + 12


async def test_filters_return_the_matching_rows(lists: Lists) -> None:
    documents = [document(number) for number in reversed(range(ROWS))]
    for scope, (name, filters) in itertools.product((OWN, PROJECT, PUBLIC), FILTERS.items()):
        found, _ = await lists.page(scope, filters, page=1, per_page=ROWS)
        expected = [one for one in documents if _holds(one, scope, name)]
        assert [*found] == [one["_id"] for one in expected], (scope, name)
        assert await total_of(lists, scope, filters) == Total(len(expected), exact=True)


async def test_continuing_from_cursors_reads_every_row_once(lists: Lists, database: Database) -> None:
    rows = database.get_collection("generations")
    scope = Scope("prj-2", "usr-1")
    old = [{**document(number), "_id": f"o{number:08}", "project": "prj-2"} for number in range(ROWS)]
    await rows.insert_many(old)
    same = {"created_at": NOON + timedelta(seconds=1_500)}
    await rows.update_many({"project": "prj-2", "created_at": {"$gt": NOON + timedelta(seconds=1_000)}}, {"$set": same})
    expected = [*(await lists.page(scope, Filters(), page=1, per_page=ROWS))[0]]
    read: list[str] = []
    cursor = None
    for number in itertools.count():
        step = await lists.older_than(cursor, scope, Filters(), limit=97)
        read += step.ids
        if step.next_cursor is None:
            break
        cursor = step.next_cursor
        new = {**old[1], "_id": f"new{number}", "created_at": NOON + timedelta(days=1, seconds=number)}
        await rows.insert_one(new)
    assert read == expected
    assert len(read) > 800


async def test_total_is_exact_up_to_its_limit_and_marked_above_it(lists: Lists, database: Database) -> None:
    rows = database.get_collection("generations")
    many = [{**document(1), "_id": f"m{number}", "user": "usr-9"} for number in range(TOTAL_BOUND)]
    await rows.insert_many(many)
    scope = Scope("prj-1", "usr-9")
    assert await total_of(lists, scope, Filters()) == Total(TOTAL_BOUND, exact=True)
    await rows.insert_one({**many[0], "_id": "one more"})
    assert await total_of(lists, scope, Filters()) == Total(TOTAL_BOUND, exact=False)
    assert await total_of(lists, scope, Filters(status="completed")) == Total(TOTAL_BOUND, exact=False)


def _holds(one: dict[str, Any], scope: Scope, name: str) -> bool:
    """Decide in Python whether a row matches a filter."""
    number = int(one["_id"][1:])
    visible = one["is_public"] if scope.public else not one["erased"]
    ours = scope.user in (None, one["user"])
    seventh = number % 300 == 7
    said = {
        "none": True,
        "status": one["status"] == "failed",
        "unfinished": one["status"] == "pending",
        "state": one["shown"] == "canceling",
        "time": 900 < number < 950,
        "metadata": seventh,
        "two of metadata": seventh and number % 2 == 1,
        "request": number == 7,
        "key": number == 7,
        "status and time": one["status"] == "failed" and number < 2_000,
        "metadata and status": seventh and one["status"] == "completed",
        "all": False,
    }
    return bool(visible and ours and said[name])
