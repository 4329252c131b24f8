"""Inclusion is proven by the latest checkpoint, or by the first one, whose proof never changes."""

import pytest

from domain.audit.merkle import verify_inclusion
from events.commit import Commit, leaf_hash
from store.audit.proofs import InclusionProof, NothingToProveError, prove_inclusion
from tests.store.audit.conftest import AuditHarness


async def first_commit(log: AuditHarness, stream: str) -> Commit:
    return (await log.store.events.read(stream))[0]


def is_sound(proof: InclusionProof) -> bool:
    size, root = proof.checkpoint.size, proof.checkpoint.root
    return verify_inclusion(leaf_hash(proof.commit.body), proof.index, size, proof.hashes, root)


async def test_the_earliest_proof_stays_while_the_log_grows(deep_log: AuditHarness) -> None:
    await deep_log.fill()
    await deep_log.sign()
    commit = await first_commit(deep_log, "b")
    before = await prove_inclusion(commit, deep_log.checkpoints, earliest=True)
    for stream in ("d", "e", "f"):
        await deep_log.write(stream)
        await deep_log.seal()
        await deep_log.sign()
    earliest = await prove_inclusion(commit, deep_log.checkpoints, earliest=True)
    latest = await prove_inclusion(commit, deep_log.checkpoints)
    assert earliest.text() == before.text()
    assert (earliest.checkpoint.size, latest.checkpoint.size) == (9, 12)
    between = await prove_inclusion(await first_commit(deep_log, "e"), deep_log.checkpoints, earliest=True)
    assert between.checkpoint.size == 11
    assert all(map(is_sound, (earliest, latest, between)))


async def test_what_no_checkpoint_covers_has_no_earliest_proof_either(audit_log: AuditHarness) -> None:
    await audit_log.fill()
    for earliest in (True, False):
        with pytest.raises(NothingToProveError):
            await prove_inclusion(await first_commit(audit_log, "a"), audit_log.checkpoints, earliest=earliest)
    await audit_log.sign()
    await audit_log.write("d")
    for sealed in (False, True):
        if sealed:
            await audit_log.seal()
        with pytest.raises(NothingToProveError):
            await prove_inclusion(await first_commit(audit_log, "d"), audit_log.checkpoints, earliest=True)
