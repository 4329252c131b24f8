"""Rows: how they are made, and the contract of the projection for both adapters."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.generation.lifecycle import Timeouts
from store.errors import WriteRefusedError
from store.generations import mongo_projection
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalData
from store.generations.projection import Projection, row_of, rows_of
from store.mongo.connection import Database, Document
from tests.builders.generation import (
    CLAIM_UNTIL,
    FINISH_BY,
    START,
    START_BY,
    TO_COMPLETED,
    TO_INTENDED,
    folded,
    lost,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROW = row_of(folded(TO_INTENDED), Timeouts(), {})


def test_a_row_has_the_fields_of_the_fold() -> None:
    assert (ROW.state, ROW.status, ROW.attempt, ROW.version) == ("invoking", "pending", 1, 4)
    assert (ROW.due_at, ROW.start_by, ROW.finish_by) == (CLAIM_UNTIL, START_BY, FINISH_BY)
    over = row_of(folded(TO_COMPLETED), Timeouts(), {})
    assert (over.status, over.cost_microusd, over.failure) == ("completed", 4_000, None)


def test_a_row_has_the_first_request_id_and_the_shown_state() -> None:
    assert (ROW.request_id, ROW.shown) == (folded(TO_INTENDED).request_id, "invoking")
    canceling = replace(folded(TO_INTENDED), cancel_requested=True)
    assert row_of(canceling, Timeouts(), {}).shown == "canceling"


def test_a_row_has_hashes_of_metadata_and_none_once_erased() -> None:
    generation = folded(TO_COMPLETED)
    said = {"order": 7, "name": "Ada Lovelace", "deep": {"a": 1}, "list": [1]}
    row = row_of(generation, Timeouts(), said)
    assert len(row.labels) == 2
    assert "Ada" not in repr(row)
    assert row_of(replace(generation, erased=True), Timeouts(), said).labels == ()


async def test_metadata_deleted_since_the_end_give_a_row_no_labels(database: Database) -> None:
    gateway, retention = MongoPersonalData(database), MongoPersonalData(database)
    ended = folded(TO_COMPLETED)
    assert ended.finished_at is not None
    token = ended.request.personal_data
    await gateway.put(PersonalData(ended.id, token, b"salt", "{}", (), START, metadata={"order": 7}))
    [row] = await rows_of([ended], gateway, Timeouts())
    assert len(row.labels) == 1
    await retention.erase_all([ended.id])
    published = replace(ended, updated_at=ended.finished_at + timedelta(days=30))
    [row] = await rows_of([published], gateway, Timeouts())
    assert row.labels == ()


async def test_rows_written_soon_never_replace_newer_ones(projection: Projection) -> None:
    await projection.write_soon([ROW])
    await asyncio.gather(*(projection.write_soon([replace(ROW, version=version)]) for version in (7, 5)))
    await projection.write([replace(ROW, id="later")])  # a majority has what precedes it
    assert await projection.versions([ROW.id]) == {ROW.id: 7}


async def test_rows_written_soon_share_commands(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, command = list[Document](), database.command

    async def noted(sent: Document) -> Any:
        ran.append(sent)
        return await command(sent)

    monkeypatch.setattr(database, "command", noted)
    monkeypatch.setattr(mongo_projection, "_TOGETHER_S", 0.5)  # so that a slow first write is not later than that
    projection = MongoProjection(database)
    await projection.write_soon([ROW])
    first = asyncio.create_task(projection.write_soon([replace(ROW, id="g2")]))
    await asyncio.sleep(0.01)
    await asyncio.gather(first, projection.write_soon([replace(ROW, id="g3")]))
    assert [len(one["updates"]) for one in ran] == [1, 2]
    assert {one["writeConcern"]["w"] for one in ran} == {1}


async def test_a_row_that_mongodb_refuses_fails_no_other(database: Database) -> None:
    projection, rows = MongoProjection(database), [replace(ROW, id=name) for name in ("g1", "refused", "g3")]
    await projection.write([ROW])
    await database.command("collMod", "generations", validator={"_id": {"$ne": "refused"}})
    try:
        written = await asyncio.gather(*(projection.write_soon([row]) for row in rows), return_exceptions=True)
    finally:
        await database.command("collMod", "generations", validator={})
    assert [type(one) for one in written] == [type(None), WriteRefusedError, type(None)]


@pytest.mark.parametrize("seed", range(10))
async def test_the_newest_of_concurrent_versions_is_kept(projection: Projection, seed: int) -> None:
    versions = list(range(1, 13))
    random.Random(seed).shuffle(versions)
    await asyncio.gather(*(projection.write([replace(ROW, version=version)]) for version in versions))
    assert await projection.versions([ROW.id]) == {ROW.id: 12}


async def test_an_old_row_in_a_batch_does_not_stop_the_others(projection: Projection) -> None:
    await projection.write([ROW])
    await projection.write([ROW, replace(ROW, id="g2"), replace(ROW, version=5)])
    await projection.write([])
    assert await projection.versions([ROW.id, "g2"]) == {ROW.id: 5, "g2": 4}


async def due(projection: Projection, after: str = "", limit: int = 10, *, canceling: bool = False) -> list[str]:
    until = dict.fromkeys(("requested", "started"), NOON + 3 * MINUTE)
    found = await projection.due(until, after=after, limit=limit, canceling=canceling)
    return [row.id for row in found]


async def test_due_rows_are_paged_by_id(projection: Projection) -> None:
    for minutes in (3, 1, 2, 9):
        await projection.write([replace(ROW, id=f"g{minutes}", state="started", due_at=NOON + minutes * MINUTE)])
    await projection.write([replace(ROW, id="done", state="started", due_at=None)])
    await projection.write([replace(ROW, id="elsewhere", state="settled", due_at=NOON)])
    assert await due(projection) == ["g1", "g2", "g3"]
    assert await due(projection, limit=1) == ["g1"]
    assert await due(projection, after="g1") == ["g2", "g3"]


async def test_each_state_can_be_due_up_to_its_own_time(projection: Projection) -> None:
    for state in ("requested", "settled"):
        for minutes in (1, 2):
            row = replace(ROW, id=f"{state}-{minutes}", state=state, due_at=NOON + minutes * MINUTE)
            await projection.write([row])
    until = {"requested": NOON + MINUTE, "settled": NOON + 2 * MINUTE}
    found = await projection.due(until, after="", limit=9)
    assert [row.id for row in found] == ["requested-1", "settled-1", "settled-2"]


async def test_rows_that_are_due_far_ahead_can_be_listed(projection: Projection) -> None:
    for minutes in (1, 20, 60):
        await projection.write([replace(ROW, id=f"g{minutes}", state="started", due_at=NOON + minutes * MINUTE)])
    found = await projection.due({"started": NOON + 99 * MINUTE}, after="", limit=9, since=NOON + 15 * MINUTE)
    assert [row.id for row in found] == ["g20", "g60"]


async def test_anything_due_is_noticed(projection: Projection) -> None:
    await projection.write([replace(ROW, due_at=NOON), replace(ROW, id="done", due_at=None)])
    assert not await projection.is_due(NOON - MINUTE)
    assert await projection.is_due(NOON)


async def test_rows_are_ranked_by_their_due_time(projection: Projection) -> None:
    for minutes in (3, 1, 2):
        row = replace(ROW, id=f"g{minutes}", state="settled", due_at=NOON + minutes * MINUTE)
        await projection.write([row])
    await projection.write([replace(ROW, id="other", state="requested", due_at=NOON)])
    ranked = [await projection.due_at(["settled"], rank) for rank in range(1, 5)]
    assert ranked == [NOON + 3 * MINUTE, NOON + 2 * MINUTE, NOON + MINUTE, None]


async def test_due_rows_can_be_limited_to_requested_cancellations(projection: Projection) -> None:
    await projection.write([replace(ROW, id="runs", state="started", due_at=NOON)])
    await projection.write([replace(ROW, id="ends", state="started", due_at=NOON, cancel_requested=True)])
    assert await due(projection, canceling=True) == ["ends"]


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
    projection: Projection, state: str, status: str, age: timedelta, expired: bool
) -> None:
    row = replace(ROW, state=state, status=status)
    await projection.write([row])
    assert list(await projection.expired(START + age, limit=10)) == ([row] if expired else [])


async def test_rows_with_attempts_that_were_given_up_lately_are_listed(projection: Projection) -> None:
    row = row_of(folded((*TO_INTENDED, lost())), Timeouts(), {})
    assert row.unresolved_since == START + timedelta(seconds=4)
    await projection.write([ROW, row, replace(row, id="earlier", unresolved_since=NOON - MINUTE)])
    assert [found.id for found in await projection.unresolved(NOON, limit=9)] == [row.id]
    assert [found.id for found in await projection.unresolved(NOON - 2 * MINUTE, limit=1)] == [row.id]
    assert [found.id for found in await projection.unresolved(NOON - 2 * MINUTE, limit=9, after=row.id)] == ["earlier"]
