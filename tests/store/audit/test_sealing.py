"""Checkpoints are made and stored on a real server."""

import asyncio
import base64
from dataclasses import replace

import pytest

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import Checkpoint, ContradictionError, checkpoint_from, open_note
from domain.audit.merkle import Frontier
from tests.builders.merkle import root_of
from tests.store.audit.conftest import KEY, AuditHarness

STRANGER = SigningKey("exemplar", bytes(32))


async def leaves(harness: AuditHarness) -> list[bytes]:
    entries = await harness.database["log"].find({}).sort("_id", 1).to_list(None)
    return [entry["leaf"] for entry in entries]


async def test_an_empty_log_is_not_signed(harness: AuditHarness) -> None:
    assert await harness.sign() is None
    assert await harness.signed_sizes() == []


async def test_a_checkpoint_holds_the_root_of_all_leaves_under_a_signature(harness: AuditHarness) -> None:
    await harness.fill()
    made = await harness.sign()
    assert made is not None
    signed = checkpoint_from(open_note(made.note, [KEY.public]))
    assert signed == Checkpoint("exemplar", 9, root_of(await leaves(harness)))
    assert await harness.store.checkpoints.latest() == replace(
        made, time=made.time.replace(microsecond=made.time.microsecond // 1000 * 1000)
    )


async def test_a_log_that_has_not_grown_is_not_signed_again(harness: AuditHarness) -> None:
    await harness.fill()
    await harness.sign()
    assert await harness.sign() is None
    assert await harness.signed_sizes() == [9]


async def test_the_next_checkpoint_continues_from_the_last(harness: AuditHarness) -> None:
    await harness.fill()
    await harness.sign()
    for version in range(6):
        await harness.write("d", after=version)
        await harness.seal()
        made = await harness.sign()
        assert made is not None
        assert made.root == root_of(await leaves(harness))
    assert await harness.signed_sizes() == [9, 10, 11, 12, 13, 14, 15]


async def test_concurrent_checkpointers_make_one_checkpoint(harness: AuditHarness) -> None:
    await harness.fill()
    made = await asyncio.gather(*(harness.sign() for _ in range(5)))
    assert await harness.signed_sizes() == [9]
    assert len({one.note for one in made if one}) == 1


async def test_a_second_checkpointer_gets_the_stored_checkpoint(harness: AuditHarness) -> None:
    await harness.fill()
    first = await harness.sign()
    assert first is not None
    again = await harness.store.checkpoints.record(replace(first, note="another", time=harness.tick()))
    assert again.note == first.note


async def test_another_root_at_a_signed_size_is_refused(harness: AuditHarness) -> None:
    await harness.fill()
    first = await harness.sign()
    assert first is not None
    frontier = Frontier().extended([b"x" * 32] * 9)
    forged = replace(first, root=frontier.root(), frontier=frontier)
    with pytest.raises(ContradictionError, match="another root"):
        await harness.store.checkpoints.record(forged)
    kept = await harness.store.checkpoints.at(9)
    assert kept is not None
    assert kept.root == first.root


async def test_a_truncated_log_is_not_signed(harness: AuditHarness) -> None:
    await harness.fill()
    await harness.sign()
    await harness.database["log"].delete_one({"_id": 9})
    with pytest.raises(ContradictionError, match="ends at 8, but 9 commits were signed"):
        await harness.sign()


async def test_a_log_with_a_gap_is_not_signed(harness: AuditHarness) -> None:
    await harness.fill()
    await harness.database["log"].delete_one({"_id": 4})
    with pytest.raises(ContradictionError, match="missing"):
        await harness.sign()
    assert await harness.signed_sizes() == []


async def test_a_forged_checkpoint_is_not_continued(harness: AuditHarness) -> None:
    await harness.fill()
    await harness.sign()
    await harness.write("d")
    await harness.seal()
    kept = harness.database["checkpoints"]
    original = await kept.find_one({"_id": 9})
    assert original is not None
    forgeries: list[dict[str, object]] = [
        {"root": bytes(32)},
        {"frontier": [bytes(32), bytes(32)]},
        {"frontier": []},
        {"frontier": None},
        {"note": "nothing"},
    ]
    for forgery in forgeries:
        await harness.tamper("checkpoints", {"_id": 9}, forgery)
        with pytest.raises(ContradictionError, match="checkpoint 9"):
            await harness.sign()
        await kept.replace_one({"_id": 9}, original)
    assert await harness.signed_sizes() == [9]


async def test_a_checkpoint_of_an_unknown_key_is_not_continued(harness: AuditHarness) -> None:
    await harness.fill()
    await harness.sign(key=STRANGER)
    await harness.write("d")
    await harness.seal()
    with pytest.raises(ContradictionError, match="not signed by a trusted key"):
        await harness.sign()


async def test_a_new_key_continues_from_a_checkpoint_of_a_retired_one(harness: AuditHarness) -> None:
    await harness.fill()
    await harness.sign()
    await harness.write("d")
    await harness.seal()
    made = await harness.sign(key=STRANGER)
    assert made is not None
    assert made.size == 10
    assert base64.b64encode(made.root).decode() in open_note(made.note, [STRANGER.public])
