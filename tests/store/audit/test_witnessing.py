"""Cosignatures of configured witnesses are kept with the checkpoint, and verified with it."""

import pytest

from domain.audit.checkpoint_key import WitnessKey
from domain.audit.checkpoints import Checkpoint, ContradictionError, NoteError, sign_note
from store.audit.checkpoints import StoredCheckpoint
from store.audit.witnessing import keep_cosignatures
from tests.builders.witness import Witness
from tests.store.audit.conftest import KEY, AuditHarness

FIRST, SECOND = (Witness(f"w{number}.example", bytes([number]) * 32) for number in (1, 2))
WITNESSES = [WitnessKey.parse(witness.key) for witness in (FIRST, SECOND)]


async def signed(audit_log: AuditHarness) -> StoredCheckpoint:
    await audit_log.fill()
    made = await audit_log.sign()
    assert made is not None
    return made


async def test_cosignatures_are_added_once_for_each_witness(audit_log: AuditHarness) -> None:
    note = (await signed(audit_log)).note
    await keep_cosignatures(FIRST.cosigned(note), WITNESSES, audit_log.checkpoints)
    for later in range(2):
        kept = await keep_cosignatures(
            SECOND.cosigned(FIRST.cosigned(note, 1_900_000_000 + later)), WITNESSES, audit_log.checkpoints
        )
        assert kept.cosigned_note == SECOND.cosigned(FIRST.cosigned(note))
    assert (await audit_log.verify()).cosignatures == 2


async def test_the_next_checkpoint_continues_from_a_cosigned_one(audit_log: AuditHarness) -> None:
    note = (await signed(audit_log)).note
    await keep_cosignatures(FIRST.cosigned(note), WITNESSES, audit_log.checkpoints)
    await audit_log.write("d")
    await audit_log.seal()
    made = await audit_log.sign()
    assert made is not None
    assert (made.size, made.cosignatures) == (10, ())


async def test_a_note_that_this_log_has_not_signed_is_refused(audit_log: AuditHarness) -> None:
    made = await signed(audit_log)
    for checkpoint in (Checkpoint("exemplar", 9, bytes(32)), Checkpoint("exemplar", 8, made.root)):
        cosigned = FIRST.cosigned(sign_note(checkpoint.text(), KEY))
        with pytest.raises(NoteError, match="no checkpoint of this log"):
            await keep_cosignatures(cosigned, WITNESSES, audit_log.checkpoints)


async def test_a_damaged_cosignature_is_found(audit_log: AuditHarness) -> None:
    note = (await signed(audit_log)).note
    await keep_cosignatures(FIRST.cosigned(note), WITNESSES, audit_log.checkpoints)
    for change in ({"line": SECOND.line(note)}, {"witness": SECOND.key}, {"line": ""}, {"line": None}):
        stored = {"witness": FIRST.key, "line": FIRST.line(note)} | change
        await audit_log.tamper("checkpoints", {"_id": 9}, {"cosignatures": [stored]})
        with pytest.raises(ContradictionError, match="checkpoint 9 is damaged") as fault:
            await audit_log.verify()
        assert fault.value.position == 9
