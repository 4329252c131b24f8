"""The queries of the audit log, as MongoDB explains and profiles them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.audit.event_filter import EventFilter
from store.adapters import create_indexes
from store.audit import audit_log
from store.audit.audit_log import AuditLog, ReadWindow
from store.log.mongo_sealed_log import MongoSealedLog
from store.mongo.connection import Database, open_database
from tests.stores import settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENTRIES = 4_000
LIMIT = 10
FEW = 40  # entries of a developer, a project and so on, spread over the log

FILTERS = {
    "type": EventFilter(type="generation.failed"),
    "generation": EventFilter(generation="g-7"),
    "project": EventFilter(project="prj-7"),
    "user": EventFilter(user="usr-7"),
    "actor": EventFilter(actor="operator:ada"),
    "correlation id": EventFilter(correlation_id="generation-g-7"),
    "request id": EventFilter(request_id="r-7"),
    "developer": EventFilter(developer="dev-7"),
    "developer and type": EventFilter(developer="dev-7", type="generation.completed"),
    "all": EventFilter(
        type="generation.failed",
        generation="g-7",
        developer="dev-7",
        project="prj-7",
        user="usr-7",
        actor="operator:ada",
        correlation_id="generation-g-7",
        request_id="r-7",
    ),
}


def entry(position: int) -> dict[str, Any]:
    """Write an entry; one of a hundred has the values that filters ask for."""
    asked = position % (ENTRIES // FEW) == 7
    number, kind = (7, "generation.failed") if asked else (position % 5, "generation.completed")
    terms = [
        f"actor={'operator:ada' if asked else 'actor:invocation'}",
        f"correlation_id=generation-g-{number}",
        f"developer=dev-{number}",
        f"project=prj-{number}",
        f"request_id=r-{7 if asked else position + 100}",
        f"type={kind}",
        f"user=usr-{number}",
    ]
    return {
        "_id": position,
        "commit": f"generation-g-{number}:{position}",
        "stream": f"generation-g-{number}",
        "leaf": bytes(32),
        "sealed_at": NOON + timedelta(seconds=position // 3),
        "terms": sorted(terms),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(module_database: str) -> AsyncIterator[Database]:
    async with open_database(settings_for(module_database)) as database:
        await create_indexes(database, [MongoSealedLog])
        await database.get_collection("log").insert_many([entry(number) for number in range(1, ENTRIES + 1)])
        yield database


@pytest_asyncio.fixture(loop_scope="module")
async def profile(database: Database) -> AsyncIterator[Any]:
    """Let MongoDB profile every command of one test."""
    await database.command("profile", 2)
    yield database.get_collection("system.profile")
    await database.command("profile", 0)
    await database.get_collection("system.profile").drop()


async def reads_of(profile: Any) -> list[Any]:
    found = profile.find({"op": "query", "command.find": "log"}).sort("ts", 1)
    return list(await found.to_list(None))


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("name", FILTERS)
async def test_an_index_answers_every_filter_in_order(
    database: Database, profile: Any, name: str, newest_first: bool
) -> None:
    middle = ENTRIES // 2
    bounds = (1, middle) if newest_first else (middle, ENTRIES)
    log, wanted = AuditLog(database), FILTERS[name]
    window = await log.window(wanted, *bounds, newest_first=newest_first)
    found = await log.read(wanted, window, limit=LIMIT, newest_first=newest_first)
    expected = 0 if name == "developer and type" else LIMIT
    assert len(found) == expected
    *windows, read = await reads_of(profile)
    assert all("IXSCAN" in one["planSummary"] and not one["docsExamined"] for one in windows)
    assert "IXSCAN { terms: 1, _id: 1 }" in read["planSummary"]
    assert not read.get("hasSortStage")
    assert read["docsExamined"] <= FEW, "a page examines no more than what the rarest term finds"


@pytest.mark.parametrize("newest_first", [False, True])
async def test_conditions_that_never_meet_cost_a_bounded_part_of_the_index(
    database: Database, profile: Any, monkeypatch: pytest.MonkeyPatch, newest_first: bool
) -> None:
    monkeypatch.setattr(audit_log, "MOST_LOOKED_AT", 50)
    log, wanted = AuditLog(database), EventFilter(developer="dev-1", user="usr-2")  # 800 entries each
    window = await log.window(wanted, 1, ENTRIES, newest_first=newest_first)
    assert await log.read(wanted, window, limit=LIMIT, newest_first=newest_first) == []
    spread = 5 * 60
    assert ENTRIES - spread <= window.first if newest_first else window.last <= spread
    reads = await reads_of(profile)
    assert sum(read["docsExamined"] for read in reads) <= 50
    assert sum(read["keysExamined"] for read in reads) <= 4 * 51


async def test_the_events_of_a_generation_are_those_of_its_own_stream(database: Database) -> None:
    delivery = {**entry(107), "_id": ENTRIES + 1, "commit": "webhook-e-g-7:1", "stream": "webhook-e-g-7"}
    await database.get_collection("log").insert_one(delivery)
    log, window = AuditLog(database), ReadWindow(ENTRIES - 200, ENTRIES + 1)
    own = await log.read(FILTERS["generation"], window, limit=LIMIT)
    followed = await log.read(FILTERS["correlation id"], window, limit=LIMIT)
    await database.get_collection("log").delete_one({"_id": ENTRIES + 1})
    assert [one.position for one in followed] == [*(one.position for one in own), ENTRIES + 1]


async def test_without_a_filter_positions_are_read_by_their_key(database: Database, profile: Any) -> None:
    found = await AuditLog(database).read(EventFilter(), ReadWindow(100, ENTRIES), limit=LIMIT)
    assert [one.position for one in found] == list(range(100, 100 + LIMIT))
    [read] = await reads_of(profile)
    assert (read["docsExamined"], bool(read.get("hasSortStage"))) == (LIMIT, False)


async def test_accesses_are_merged_from_their_ranges_of_the_index(database: Database, profile: Any) -> None:
    terms = ["user=usr-7", "project=prj-7", "developer=dev-3", "read=all"]
    found = await AuditLog(database).with_any(terms, before=ENTRIES + 1, limit=LIMIT)
    assert [one.position for one in found] == sorted((one.position for one in found), reverse=True)
    assert len(found) == LIMIT
    [read] = await reads_of(profile)
    assert "IXSCAN { terms: 1, _id: 1 }" in read["planSummary"]
    assert read["docsExamined"] <= 2 * LIMIT


async def test_a_time_is_found_by_few_reads_of_one_entry(database: Database, profile: Any) -> None:
    log = AuditLog(database)
    for position in (1, 2, 1000, ENTRIES):
        moment = NOON + timedelta(seconds=position // 3)
        found = await log.position_at(moment, ENTRIES)
        assert found == max(1, position - position % 3)
    assert await log.position_at(NOON + timedelta(days=1), ENTRIES) == ENTRIES + 1
    reads = await reads_of(profile)
    assert len(reads) <= 5 * ENTRIES.bit_length()
    assert all(read["docsExamined"] <= 1 for read in reads)


async def test_a_developers_own_commits_are_read_by_the_index_alone(database: Database, profile: Any) -> None:
    found = await AuditLog(database).of_account("dev-7", 0, ENTRIES, limit=LIMIT)
    assert [one.position for one in found] == [7 + 100 * number for number in range(LIMIT)]
    [read] = await reads_of(profile)
    assert "IXSCAN { terms: 1, _id: 1 }" in read["planSummary"]
    assert (read["docsExamined"], bool(read.get("hasSortStage"))) == (LIMIT, False)


async def test_a_delivery_to_a_developer_is_none_of_their_own_commits(database: Database) -> None:
    position, stream = ENTRIES + 1, "webhook-e-generation-g-7"
    delivery = {**entry(7), "_id": position, "commit": f"{stream}:1", "stream": stream}
    await database.get_collection("log").insert_one(delivery)
    try:
        assert await AuditLog(database).of_account("dev-7", ENTRIES, position, limit=LIMIT) == []
    finally:
        await database.get_collection("log").delete_one({"_id": position})


async def test_the_first_commit_with_a_term_is_one_read(database: Database, profile: Any) -> None:
    assert await AuditLog(database).terms_of_first("project=prj-7") == entry(7)["terms"]
    assert await AuditLog(database).terms_of_first("project=prj-8") == []
    assert [read["docsExamined"] for read in await reads_of(profile)] == [1, 0]
