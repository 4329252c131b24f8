"""Verification accepts an intact log and finds every kind of change."""

import asyncio
from datetime import timedelta

import pytest

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import ContradictionError
from events.commit import commit_of, leaf_hash
from events.envelope import Cause
from events.invocation import GenerationProgressed
from store.audit import known_streams
from tests.builders.merkle import root_of
from tests.store.audit.conftest import NOON, AuditHarness

CAUSE = Cause(actor="actor:forger")


async def body_of(audit_log: AuditHarness, commit_id: str) -> bytes:
    document = await audit_log.database["commits"].find_one({"_id": commit_id})
    assert document is not None
    body: bytes = document["body"]
    return body


async def test_an_empty_log_is_verified(audit_log: AuditHarness) -> None:
    report = await audit_log.verify()
    assert (report.size, report.root, report.checkpoints) == (0, root_of([]), 0)


async def test_an_intact_log_is_verified_with_all_its_checkpoints(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.write("a", after=3, events=2)
    await audit_log.seal()
    made = await audit_log.sign()
    report = await audit_log.verify()
    assert made is not None
    assert (report.size, report.root) == (10, made.root)
    assert (report.streams, report.checkpoints, report.waiting) == (3, 2, 0)
    assert audit_log.progress[-1] == (10, 10)


async def test_unsealed_commits_are_counted(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.write("d")
    assert (await audit_log.verify()).waiting == 1


async def test_a_log_that_grows_during_verification_is_verified(audit_log: AuditHarness) -> None:
    await audit_log.fill()

    async def grow() -> None:
        for number in range(12):
            await audit_log.write(f"late{number}")
            await audit_log.seal()
            await audit_log.sign()

    growing = asyncio.create_task(grow())
    sizes = []
    while not growing.done():
        sizes.append((await audit_log.verify()).size)
    await growing
    assert sizes == sorted(sizes)
    assert (await audit_log.verify()).checkpoints == 12


async def test_commits_are_matched_in_any_order_of_storage(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    expected = await audit_log.verify()
    commits = audit_log.database["commits"]
    documents = await commits.find({}).sort("_id", -1).to_list(None)
    await commits.delete_many({})
    await commits.insert_many(documents)
    assert await audit_log.verify() == expected


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let verification remember one stream."""
    monkeypatch.setattr(known_streams, "KEPT", 1)


async def fill_alternately(audit_log: AuditHarness) -> None:
    """Write five commits of two streams in turn; one has more events than most."""
    for name, after, events in (("b", 0, 1), ("c", 0, 12), ("b", 1, 2), ("c", 12, 1), ("b", 3, 1)):
        await audit_log.write(name, after=after, events=events)
        await audit_log.seal()


@pytest.mark.usefixtures("forgetful")
async def test_streams_that_were_forgotten_are_read_again(audit_log: AuditHarness) -> None:
    await fill_alternately(audit_log)
    report = await audit_log.verify()
    assert (report.size, report.streams) == (5, 2)


@pytest.mark.usefixtures("forgetful")
async def test_a_forgotten_stream_without_a_commit_is_found(audit_log: AuditHarness) -> None:
    await fill_alternately(audit_log)
    log, commits = audit_log.database["log"], audit_log.database["commits"]
    await log.delete_one({"_id": 3})
    await commits.delete_one({"_id": "b:2"})
    for position in (4, 5):
        moved = await log.find_one_and_delete({"_id": position})
        await log.insert_one({**moved, "_id": position - 1})
    with pytest.raises(ContradictionError, match="position 4: b:4: follows version 0 of its stream"):
        await audit_log.verify()


async def test_a_changed_body_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    for commit_id in ("a:1", "b:2", "b:3"):
        original = await body_of(audit_log, commit_id)
        forged = original.replace(b"actor:test", b"actor:tesu")
        await audit_log.tamper("commits", {"_id": commit_id}, {"body": forged})
        with pytest.raises(ContradictionError, match=f"{commit_id}: its body is not the one that was sealed"):
            await audit_log.verify()
        await audit_log.tamper("commits", {"_id": commit_id}, {"body": original})


async def test_a_field_that_contradicts_its_body_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    changes: list[dict[str, object]] = [
        {"stream": "z"},
        {"first": 7},
        {"last": 7},
        {"types": ["generation.completed"]},
        {"time": NOON},
        {"time": "noon"},
        {"body": b"no json"},
        {"body": b"[]"},
        {"leaf": bytes(32)},
        {"project": "another"},
    ]
    for commit_id in ("a:1", "b:2", "b:3"):
        original = await audit_log.database["commits"].find_one({"_id": commit_id})
        assert original is not None
        for change in changes:
            await audit_log.tamper("commits", {"_id": commit_id}, change)
            with pytest.raises(ContradictionError, match=commit_id):
                await audit_log.verify()
            await audit_log.database["commits"].replace_one({"_id": commit_id}, original)
    assert (await audit_log.verify()).size == 9


async def test_an_event_inserted_into_a_body_is_found_even_with_its_leaf(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    facts = [GenerationProgressed(percent=number) for number in range(2)]
    commit = commit_of("b", 0, facts, cause=CAUSE, time=NOON, writer="w")
    await audit_log.tamper("commits", {"_id": "b:2"}, {"body": commit.body, "time": NOON})
    await audit_log.tamper("log", {"commit": "b:2"}, {"leaf": leaf_hash(commit.body)})
    with pytest.raises(ContradictionError, match="b:2: the fields beside the body contradict it"):
        await audit_log.verify()


async def test_a_rewritten_commit_contradicts_its_checkpoint(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    forged = (await body_of(audit_log, "b:2")).replace(b'"percent":0', b'"percent":7')
    await audit_log.tamper("commits", {"_id": "b:2"}, {"body": forged, "leaf": leaf_hash(forged)})
    await audit_log.tamper("log", {"commit": "b:2"}, {"leaf": leaf_hash(forged)})
    with pytest.raises(ContradictionError, match="checkpoint 9: the log does not lead to its root"):
        await audit_log.verify()


async def test_a_changed_position_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    log = audit_log.database["log"]
    original = await log.find_one({"_id": 3})
    assert original is not None
    changes: list[tuple[dict[str, object], str]] = [
        ({"leaf": bytes(32)}, "position 3"),
        ({"stream": "c"}, "sealed under another stream"),
        ({"commit": "nobody:1"}, "nobody:1 is missing"),
    ]
    for change, message in changes:
        await audit_log.tamper("log", {"_id": 3}, change)
        with pytest.raises(ContradictionError, match=message):
            await audit_log.verify()
        await log.replace_one({"_id": 3}, original)


async def test_a_removed_position_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    log = audit_log.database["log"]
    for position in (1, 5, 8):
        original = await log.find_one_and_delete({"_id": position})
        with pytest.raises(ContradictionError, match="missing"):
            await audit_log.verify()
        await log.insert_one(original)


async def test_a_truncated_log_behind_a_checkpoint_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.database["log"].delete_one({"_id": 9})
    with pytest.raises(ContradictionError, match="9 commits were signed"):
        await audit_log.verify()


async def test_a_truncated_log_without_checkpoint_is_found_by_its_commit(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.database["log"].delete_one({"_id": 9})
    with pytest.raises(ContradictionError, match="no position and no mark `unsealed`"):
        await audit_log.verify()


async def test_a_removed_commit_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.database["commits"].delete_one({"_id": "c:3"})
    with pytest.raises(ContradictionError, match="c:3 is missing"):
        await audit_log.verify()


async def test_a_commit_at_two_positions_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    log = audit_log.database["log"]
    await log.drop_indexes()
    entry = await log.find_one({"_id": 4})
    assert entry is not None
    await log.insert_one({**entry, "_id": 10})
    with pytest.raises(ContradictionError, match="earlier position"):
        await audit_log.verify()


async def test_a_stream_out_of_its_own_order_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    log = audit_log.database["log"]
    first, second = [await log.find_one({"commit": name}) for name in ("b:1", "b:2")]
    assert first is not None
    assert second is not None
    await log.delete_many({"_id": {"$in": [first["_id"], second["_id"]]}})
    await log.insert_many([{**first, "_id": second["_id"]}, {**second, "_id": first["_id"]}])
    with pytest.raises(ContradictionError, match="b:2: follows version 0 of its stream"):
        await audit_log.verify()


async def test_a_damaged_unsealed_commit_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.write("d")
    await audit_log.tamper("commits", {"_id": "d:1"}, {"last": 5})
    with pytest.raises(ContradictionError, match="d:1"):
        await audit_log.verify()


async def test_a_leaf_that_was_changed_before_it_was_sealed_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.write("d")
    await audit_log.tamper("commits", {"_id": "d:1"}, {"leaf": bytes(32)})
    with pytest.raises(ContradictionError, match="d:1: the fields beside the body contradict it"):
        await audit_log.verify()
    await audit_log.seal()
    with pytest.raises(ContradictionError, match="d:1: its body is not the one that was sealed"):
        await audit_log.verify()


async def test_a_checkpoint_of_an_unknown_key_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    with pytest.raises(ContradictionError, match="not signed by a trusted key"):
        await audit_log.verify(SigningKey("exemplar", bytes(32)))


async def test_a_swapped_note_is_found(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    first = await audit_log.sign()
    await audit_log.write("d")
    await audit_log.seal()
    await audit_log.sign()
    assert first is not None
    await audit_log.tamper("checkpoints", {"_id": 10}, {"note": first.note})
    with pytest.raises(ContradictionError, match="checkpoint 10: the note has another size or root"):
        await audit_log.verify()


async def test_exchanged_positions_that_keep_their_times_are_named(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    moments = [NOON + timedelta(hours=hours) for hours in (1, 2)]
    for stream, moment in zip("de", moments, strict=True):
        await audit_log.store.events.append(
            stream, 0, [GenerationProgressed(percent=1)], cause=CAUSE, time=moment - timedelta(minutes=30)
        )
        await audit_log.seal()
    await audit_log.database["log"].update_many({"_id": {"$lt": 10}}, {"$set": {"sealed_at": NOON}})
    await audit_log.sign()
    first, second = await audit_log.database["log"].find({"_id": {"$gt": 9}}).sort("_id").to_list(2)
    await audit_log.database["log"].delete_many({"_id": {"$gt": 9}})
    await audit_log.database["log"].insert_many(
        [{**second, "_id": 10, "sealed_at": moments[0]}, {**first, "_id": 11, "sealed_at": moments[1]}]
    )
    with pytest.raises(ContradictionError, match=r"positions 10 to 11 .* position 10 is not in the order") as found:
        await audit_log.verify()
    assert found.value.position == 10


@pytest.mark.parametrize("sealed_at", [False, True])
async def test_two_exchanged_positions_are_named(audit_log: AuditHarness, sealed_at: bool) -> None:
    await audit_log.fill()
    await audit_log.sign()
    for stream in ("d", "e"):
        await audit_log.write(stream)
        if sealed_at:
            await audit_log.seal()
    await audit_log.write("f")
    await audit_log.seal()
    made = await audit_log.sign()
    assert made is not None
    log = audit_log.database["log"]
    first, second = await log.find({"_id": {"$in": [10, 11]}}).sort("_id").to_list(2)
    await log.delete_many({"_id": {"$in": [10, 11]}})
    await log.insert_many([{**second, "_id": 10}, {**first, "_id": 11}])
    where = (
        "position 11: d:1: was sealed before" if sealed_at else "positions 10 to 12 .* position 11 is not in the order"
    )
    with pytest.raises(ContradictionError, match=where) as found:
        await audit_log.verify()
    assert found.value.position == 11
