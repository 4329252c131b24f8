"""What was signed once binds the log, also when its own checkpoints were removed."""

from dataclasses import replace

import pytest

from domain.audit.checkpoints import Checkpoint, ContradictionError, checkpoint_from, open_note, sign_note
from store.log.mongo_sealed_log import MongoSealedLog
from tests.store.audit.conftest import KEY, AuditHarness


async def signed(audit_log: AuditHarness) -> Checkpoint:
    """Fill the log, sign it, and keep the checkpoint elsewhere."""
    await audit_log.fill()
    made = await audit_log.sign()
    assert made is not None
    return checkpoint_from(open_note(made.note, [KEY.public]))


async def truncate(audit_log: AuditHarness, size: int) -> None:
    """Remove the end of the log and every trace of it."""
    log, commits = audit_log.database["log"], audit_log.database["commits"]
    removed = [entry["commit"] async for entry in log.find({"_id": {"$gt": size}})]
    await log.delete_many({"_id": {"$gt": size}})
    await commits.delete_many({"_id": {"$in": removed}})
    await audit_log.database["checkpoints"].delete_many({})


async def test_a_log_that_leads_to_a_kept_checkpoint_is_verified(audit_log: AuditHarness) -> None:
    kept = await signed(audit_log)
    await audit_log.write("d")
    await audit_log.seal()
    await audit_log.sign()
    empty = Checkpoint("exemplar", 0, bytes(32))
    assert (await audit_log.verify(kept=[kept, kept, empty])).size == 10


async def test_a_truncated_tail_is_found_although_its_checkpoint_was_removed(audit_log: AuditHarness) -> None:
    kept = await signed(audit_log)
    await truncate(audit_log, 7)
    assert (await audit_log.verify()).size == 7
    with pytest.raises(ContradictionError, match="the log ends at 7, but 9 commits were signed") as fault:
        await audit_log.verify(kept=[kept])
    assert fault.value.position == 8


async def test_a_log_that_was_written_anew_is_found(audit_log: AuditHarness) -> None:
    kept = await signed(audit_log)
    await truncate(audit_log, 7)
    for version in range(3):
        await audit_log.write("forged", after=version)
    await audit_log.store.make(MongoSealedLog).seal()
    await audit_log.sign()
    assert (await audit_log.verify()).size == 10
    with pytest.raises(ContradictionError, match="kept checkpoint 9: the log does not lead to its root") as fault:
        await audit_log.verify(kept=[kept])
    assert fault.value.position == 9


async def test_a_removed_checkpoint_is_missed_by_the_next_one(audit_log: AuditHarness) -> None:
    for version in range(4):
        await audit_log.write("a", after=version)
        await audit_log.seal()
        await audit_log.sign()
    assert (await audit_log.verify()).checkpoints == 4
    for size, following in ((1, 2), (3, 4)):
        removed = await audit_log.database["checkpoints"].find_one_and_delete({"_id": size})
        with pytest.raises(ContradictionError, match=f"checkpoint {size} is missing: checkpoint {following} names it"):
            await audit_log.verify()
        await audit_log.database["checkpoints"].insert_one(removed)


async def test_a_checkpoint_of_an_older_version_names_none_before_it(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    made = await audit_log.sign()
    assert made is not None
    note = sign_note(replace(checkpoint_from(open_note(made.note, [KEY.public])), previous=None).text(), KEY)
    await audit_log.tamper("checkpoints", {"_id": made.size}, {"note": note})
    await audit_log.write("d")
    await audit_log.seal()
    await audit_log.sign()
    assert (await audit_log.verify()).checkpoints == 2
