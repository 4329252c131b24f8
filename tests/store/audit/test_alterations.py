"""Alterations of a log that nobody signed are found, however many ranges it is verified in."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from domain.audit.checkpoints import ContradictionError
from store.audit import known_streams
from tests.store.audit.conftest import AuditHarness

Database = Any
Alter = Callable[[Database], Awaitable[object]]
GENERATION = "0193f5e0-0000-7000-8000-000000000000"


async def make_history(audit_log: AuditHarness) -> None:
    """Seal 20 commits: of a from 1, b from 2, c from 6, a generation from 10, d from 12."""
    await audit_log.fill()
    await audit_log.complete(GENERATION, 10, 10)
    for version in range(9):
        await audit_log.write("d", after=version)
    await audit_log.seal()


def repeated(position: int) -> Alter:
    """Give the commit of a position another one, behind all others."""

    async def alter(database: Database) -> None:
        log = database["log"]
        await log.drop_indexes()
        last, entry = await log.find_one({"_id": 20}), await log.find_one({"_id": position})
        await log.insert_one({**entry, "_id": 21, "sealed_at": last["sealed_at"]})

    return alter


def changed(collection: str, where: dict[str, Any], change: dict[str, Any]) -> Alter:
    return lambda database: database[collection].update_one(where, {"$set": change})


def added(collection: str, document: dict[str, Any]) -> Alter:
    return lambda database: database[collection].insert_one(document)


async def write_a_name_twice(database: Database) -> None:
    """Name another commit of the stream behind everything that an entry has; a decoder reads the last name."""
    entry = await database["log"].find_one_and_delete({"_id": 18})
    named = bson.encode({"commit": "d:4"})[4:]
    elements = bson.encode(entry)[4:-1] + named
    await database["log"].insert_one(RawBSONDocument((len(elements) + 4).to_bytes(4, "little") + elements))


async def lose_the_last_position(database: Database) -> None:
    await database["log"].delete_one({"_id": 20})
    await database["log"].insert_one({"_id": None, "commit": "d:9"})


async def name_a_commit_by_code(database: Database) -> None:
    """Add a commit whose id reads like that of another one, behind all others."""
    await database["commits"].insert_one({"_id": bson.Code("a:1"), "unsealed": True})


async def fault(audit_log: AuditHarness, count: int) -> str:
    """Verify in `count` ranges, and return what is wrong; no text for a sound log."""
    try:
        await audit_log.verify(ranges=audit_log.in_ranges(count))
    except ContradictionError as error:
        return str(error)
    return ""


EARLIER = "position 21: .*earlier position too"
ALTERATIONS: dict[str, tuple[Alter, str]] = {
    "a position of a first commit twice": (repeated(2), EARLIER),
    "a position of a later commit twice": (repeated(4), EARLIER),
    "a position of a generation twice": (repeated(10), EARLIER),
    "a position before the first": (added("log", {"_id": 0}), "position 1 is damaged"),
    "a negative position": (added("log", {"_id": -7, "commit": "x:1"}), "position 1 is damaged"),
    "a position between two": (added("log", {"_id": 4.5}), "position 5 is damaged"),
    "no position": (lose_the_last_position, "position 1 is damaged"),
    "a list of commits": (changed("log", {"_id": 20}, {"commit": ["d:9"]}), "position 20 is damaged"),
    "a commit that is named twice": (write_a_name_twice, "position 18: .*sealed under another stream"),
    "a time of sealing that is none": (
        changed("log", {"_id": 20}, {"sealed_at": bson.DatetimeMS(2**60)}),
        "position 20: .*has no time of sealing",
    ),
    "a type like a template": (changed("commits", {"_id": "d:2"}, {"types": ["generation.%b"]}), "position 13: d:2"),
    "a type like a bad template": (
        changed("commits", {"_id": "d:2"}, {"types": ["generation.%t"]}),
        "position 13: d:2",
    ),
    "a commit with an id like another": (name_a_commit_by_code, "a:1"),
}


async def test_every_alteration_is_found_in_any_number_of_ranges(deep_log: AuditHarness) -> None:
    await make_history(deep_log)
    stored = {name: await deep_log.database[name].find({}).to_list(None) for name in ("commits", "log")}
    for name, (alter, message) in ALTERATIONS.items():
        await alter(deep_log.database)
        for count in (1, 5):
            assert re.search(message, await fault(deep_log, count)), (name, count)
        for collection, documents in stored.items():
            await deep_log.database[collection].delete_many({})
            await deep_log.database[collection].insert_many(documents)
    assert await fault(deep_log, 5) == ""


@pytest.mark.parametrize("position", [2, 10])
async def test_a_second_position_of_a_forgotten_stream_is_found(
    deep_log: AuditHarness, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    monkeypatch.setattr(known_streams, "KEPT", 1)
    await make_history(deep_log)
    await repeated(position)(deep_log.database)
    with pytest.raises(ContradictionError, match=EARLIER) as found:
        await deep_log.verify()
    assert found.value.position == 21


async def test_faults_at_the_edges_of_ranges_have_their_positions(deep_log: AuditHarness) -> None:
    await make_history(deep_log)
    log = deep_log.database["log"]
    for position in (1, 4, 5, 16, 17, 19):
        entry = await log.find_one_and_delete({"_id": position})
        with pytest.raises(ContradictionError, match="missing") as found:
            await deep_log.verify(ranges=deep_log.in_ranges(5))
        assert found.value.position == position
        await log.insert_one(entry)
    assert (await deep_log.verify(ranges=deep_log.in_ranges(5))).size == 20


async def test_a_checkpoint_whose_size_is_no_number_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.database["checkpoints"].insert_one({"_id": float("nan")})
    with pytest.raises(ContradictionError, match="checkpoint nan is damaged"):
        await audit_log.verify()
