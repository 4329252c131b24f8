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


async def leaves(audit_log: AuditHarness) -> list[bytes]:
    entries = await audit_log.database["log"].find({}).sort("_id", 1).to_list(None)
    return [entry["leaf"] for entry in entries]


async def test_an_empty_log_is_not_signed(audit_log: AuditHarness) -> None:
    assert await audit_log.sign() is None
    assert await audit_log.signed_sizes() == []


async def test_a_checkpoint_holds_the_root_of_all_leaves_under_a_signature(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    made = await audit_log.sign()
    assert made is not None
    signed = checkpoint_from(open_note(made.note, [KEY.public]))
    assert signed == Checkpoint("exemplar", 9, root_of(await leaves(audit_log)), previous=0)
    assert await audit_log.checkpoints.latest() == replace(
        made, time=made.time.replace(microsecond=made.time.microsecond // 1000 * 1000)
    )


async def test_a_log_that_has_not_grown_is_not_signed_again(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    assert await audit_log.sign() is None
    assert await audit_log.signed_sizes() == [9]


async def test_the_next_checkpoint_continues_from_the_last(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    for version in range(6):
        await audit_log.write("d", after=version)
        await audit_log.seal()
        made = await audit_log.sign()
        assert made is not None
        assert made.root == root_of(await leaves(audit_log))
    assert await audit_log.signed_sizes() == [9, 10, 11, 12, 13, 14, 15]


async def test_concurrent_checkpointers_make_one_checkpoint(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    made = await asyncio.gather(*(audit_log.sign() for _ in range(5)))
    assert await audit_log.signed_sizes() == [9]
    assert len({one.note for one in made if one}) == 1


async def test_a_second_checkpointer_gets_the_stored_checkpoint(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    first = await audit_log.sign()
    assert first is not None
    again = await audit_log.checkpoints.record(replace(first, note="another", time=audit_log.tick()))
    assert again.note == first.note


async def test_another_root_at_a_signed_size_is_refused(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    first = await audit_log.sign()
    assert first is not None
    frontier = Frontier().extended([b"x" * 32] * 9)
    forged = replace(first, root=frontier.root(), frontier=frontier)
    with pytest.raises(ContradictionError, match="another root"):
        await audit_log.checkpoints.record(forged)
    kept = await audit_log.checkpoints.at(9)
    assert kept is not None
    assert kept.root == first.root


async def test_a_truncated_log_is_not_signed(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.database["log"].delete_one({"_id": 9})
    with pytest.raises(ContradictionError, match="ends at 8, but 9 commits were signed"):
        await audit_log.sign()


async def test_a_log_with_a_gap_is_not_signed(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.database["log"].delete_one({"_id": 4})
    with pytest.raises(ContradictionError, match="missing"):
        await audit_log.sign()
    assert await audit_log.signed_sizes() == []


async def test_a_forged_checkpoint_is_not_continued(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.write("d")
    await audit_log.seal()
    kept = audit_log.database["checkpoints"]
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
        await audit_log.tamper("checkpoints", {"_id": 9}, forgery)
        with pytest.raises(ContradictionError, match="checkpoint 9"):
            await audit_log.sign()
        await kept.replace_one({"_id": 9}, original)
    assert await audit_log.signed_sizes() == [9]


async def test_a_checkpoint_of_an_unknown_key_is_not_continued(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign(key=STRANGER)
    await audit_log.write("d")
    await audit_log.seal()
    with pytest.raises(ContradictionError, match="not signed by a trusted key"):
        await audit_log.sign()


async def test_a_new_key_continues_from_a_checkpoint_of_a_retired_one(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.write("d")
    await audit_log.seal()
    made = await audit_log.sign(key=STRANGER)
    assert made is not None
    assert made.size == 10
    assert base64.b64encode(made.root).decode() in open_note(made.note, [STRANGER.public])
