"""Verification passes an honest log and finds every way of changing it."""

import asyncio

import pytest

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import root_of
from events.commit import commit_of, leaf_hash
from events.envelope import Cause
from events.generation import GenerationProgressed
from store.audit import commit_scan
from tests.store.audit.conftest import NOON, Archive

CAUSE = Cause(actor="actor:forger")


async def body_of(archive: Archive, commit_id: str) -> bytes:
    document = await archive.database["commits"].find_one({"_id": commit_id})
    assert document is not None
    body: bytes = document["body"]
    return body


async def test_an_empty_log_is_in_order(archive: Archive) -> None:
    report = await archive.verify()
    assert (report.size, report.root, report.checkpoints) == (0, root_of([]), 0)


async def test_an_honest_log_is_in_order_and_meets_every_checkpoint(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    await archive.write("a", after=3, events=2)
    await archive.seal()
    made = await archive.sign()
    report = await archive.verify()
    assert made is not None
    assert (report.size, report.root) == (10, made.root)
    assert (report.streams, report.checkpoints, report.waiting) == (3, 2, 0)
    assert archive.told[-1] == (10, 10)


async def test_commits_that_wait_for_their_position_are_counted(archive: Archive) -> None:
    await archive.fill()
    await archive.write("d")
    assert (await archive.verify()).waiting == 1


async def test_a_log_that_grows_meanwhile_is_in_order(archive: Archive) -> None:
    await archive.fill()

    async def grow() -> None:
        for number in range(12):
            await archive.write(f"late{number}")
            await archive.seal()
            await archive.sign()

    growing = asyncio.create_task(grow())
    sizes = []
    while not growing.done():
        sizes.append((await archive.verify()).size)
    await growing
    assert sizes == sorted(sizes)
    assert (await archive.verify()).checkpoints == 12


async def test_commits_stored_in_any_order_are_found(archive: Archive) -> None:
    await archive.fill()
    expected = await archive.verify()
    commits = archive.database["commits"]
    documents = await commits.find({}).sort("_id", -1).to_list(None)
    await commits.delete_many({})
    await commits.insert_many(documents)
    assert await archive.verify() == expected


async def test_the_same_is_found_when_processes_do_the_work(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.fill()
    expected = await archive.verify()
    monkeypatch.setattr(commit_scan, "_WORTH_A_PROCESS", 0)
    assert await archive.verify() == expected
    await archive.tamper("commits", {"_id": "b:2"}, {"body": await body_of(archive, "b:1")})
    with pytest.raises(ContradictionError, match="b:2"):
        await archive.verify()


async def test_a_changed_body_is_found(archive: Archive) -> None:
    await archive.fill()
    for commit_id in ("a:1", "b:2", "b:3"):
        honest = await body_of(archive, commit_id)
        forged = honest.replace(b"actor:test", b"actor:tesu")
        await archive.tamper("commits", {"_id": commit_id}, {"body": forged})
        with pytest.raises(ContradictionError, match=f"{commit_id}: its body is not the one that was sealed"):
            await archive.verify()
        await archive.tamper("commits", {"_id": commit_id}, {"body": honest})


async def test_a_field_that_contradicts_its_body_is_found(archive: Archive) -> None:
    await archive.fill()
    changes: list[dict[str, object]] = [
        {"stream": "z"},
        {"first": 7},
        {"last": 7},
        {"types": ["generation.completed"]},
        {"time": NOON},
        {"time": "noon"},
        {"body": b"no json"},
        {"body": b"[]"},
    ]
    for commit_id in ("a:1", "b:2", "b:3"):
        honest = await archive.database["commits"].find_one({"_id": commit_id})
        assert honest is not None
        for change in changes:
            await archive.tamper("commits", {"_id": commit_id}, change)
            with pytest.raises(ContradictionError, match=commit_id):
                await archive.verify()
            await archive.database["commits"].replace_one({"_id": commit_id}, honest)
    assert (await archive.verify()).size == 9


async def test_a_second_event_slipped_into_a_body_is_found_even_with_its_leaf(archive: Archive) -> None:
    await archive.fill()
    facts = [GenerationProgressed(percent=number) for number in range(2)]
    commit = commit_of("b", 0, facts, cause=CAUSE, time=NOON, writer="w")
    await archive.tamper("commits", {"_id": "b:2"}, {"body": commit.body, "time": NOON})
    await archive.tamper("log", {"commit": "b:2"}, {"leaf": leaf_hash(commit.body)})
    with pytest.raises(ContradictionError, match="b:2: the fields beside the body contradict it"):
        await archive.verify()


async def test_a_rewritten_past_meets_its_checkpoint(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    forged = (await body_of(archive, "b:2")).replace(b"actor:test", b"actor:tesu")
    await archive.tamper("commits", {"_id": "b:2"}, {"body": forged})
    await archive.tamper("log", {"commit": "b:2"}, {"leaf": leaf_hash(forged)})
    with pytest.raises(ContradictionError, match="checkpoint 9: the log does not lead to its root"):
        await archive.verify()


async def test_a_changed_position_is_found(archive: Archive) -> None:
    await archive.fill()
    log = archive.database["log"]
    honest = await log.find_one({"_id": 3})
    assert honest is not None
    changes: list[tuple[dict[str, object], str]] = [
        ({"leaf": bytes(32)}, "position 3"),
        ({"stream": "c"}, "sealed under another stream"),
        ({"commit": "nobody:1"}, "nobody:1 is missing"),
    ]
    for change, told in changes:
        await archive.tamper("log", {"_id": 3}, change)
        with pytest.raises(ContradictionError, match=told):
            await archive.verify()
        await log.replace_one({"_id": 3}, honest)


async def test_a_removed_position_is_found(archive: Archive) -> None:
    await archive.fill()
    log = archive.database["log"]
    for position in (1, 5, 8):
        honest = await log.find_one_and_delete({"_id": position})
        with pytest.raises(ContradictionError, match="missing"):
            await archive.verify()
        await log.insert_one(honest)


async def test_an_end_cut_off_behind_a_checkpoint_is_found(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    await archive.database["log"].delete_one({"_id": 9})
    with pytest.raises(ContradictionError, match="9 commits were signed"):
        await archive.verify()


async def test_an_end_cut_off_before_any_checkpoint_is_found_by_its_commit(archive: Archive) -> None:
    await archive.fill()
    await archive.database["log"].delete_one({"_id": 9})
    with pytest.raises(ContradictionError, match="no position and no mark `unsealed`"):
        await archive.verify()


async def test_a_removed_commit_is_found(archive: Archive) -> None:
    await archive.fill()
    await archive.database["commits"].delete_one({"_id": "c:3"})
    with pytest.raises(ContradictionError, match="c:3 is missing"):
        await archive.verify()


async def test_a_commit_at_two_positions_is_found(archive: Archive) -> None:
    await archive.fill()
    log = archive.database["log"]
    await log.drop_indexes()
    entry = await log.find_one({"_id": 4})
    assert entry is not None
    await log.insert_one({**entry, "_id": 10})
    with pytest.raises(ContradictionError, match="earlier position"):
        await archive.verify()


async def test_a_stream_out_of_its_own_order_is_found(archive: Archive) -> None:
    await archive.fill()
    log = archive.database["log"]
    first, second = [await log.find_one({"commit": name}) for name in ("b:1", "b:2")]
    assert first is not None
    assert second is not None
    await log.delete_many({"_id": {"$in": [first["_id"], second["_id"]]}})
    await log.insert_many([{**first, "_id": second["_id"]}, {**second, "_id": first["_id"]}])
    with pytest.raises(ContradictionError, match="b:2: follows version 0 of its stream"):
        await archive.verify()


async def test_a_fault_in_what_waits_is_found(archive: Archive) -> None:
    await archive.fill()
    await archive.write("d")
    await archive.tamper("commits", {"_id": "d:1"}, {"last": 5})
    with pytest.raises(ContradictionError, match="d:1"):
        await archive.verify()


async def test_a_checkpoint_of_a_stranger_is_found(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    with pytest.raises(ContradictionError, match="not signed by a trusted key"):
        await archive.verify(SigningKey("exemplar", bytes(32)))


async def test_a_note_put_in_the_place_of_another_is_found(archive: Archive) -> None:
    await archive.fill()
    first = await archive.sign()
    await archive.write("d")
    await archive.seal()
    await archive.sign()
    assert first is not None
    await archive.tamper("checkpoints", {"_id": 10}, {"note": first.note})
    with pytest.raises(ContradictionError, match="checkpoint 10: the note has another size or root"):
        await archive.verify()
