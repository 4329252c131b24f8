"""A single bit that changes in anything that proofs cover is found, whichever it is."""

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from domain.audit.checkpoint_key import WitnessKey
from domain.audit.checkpoints import ContradictionError
from store.audit.content_verification import ContentReport
from store.audit.witnessing import keep_cosignatures
from tests.builders.witness import WITNESS
from tests.store.audit.bit_flips import COVERED, BitFlipper
from tests.store.audit.conftest import AuditHarness

FLIPS = 250
INTACT = (20, 2, 1, 4, 0, 0)
GENERATIONS = {f"0193f5e0-0000-7000-8000-00000000000{number}": size for number, size in enumerate((300_000, 700))}


async def make_history(audit_log: AuditHarness) -> None:
    """Write 20 commits with pictures, Merkle nodes of two levels, and two checkpoints, of which one is cosigned."""
    await audit_log.fill()
    await audit_log.sign()
    for generation, size in GENERATIONS.items():
        await audit_log.complete(generation, size, 900)
    for version in range(7):
        await audit_log.write("d", after=version)
    await audit_log.seal()
    made = await audit_log.sign()
    assert made is not None
    witness = WitnessKey.parse(WITNESS.key)
    await keep_cosignatures(WITNESS.cosigned(made.note), [witness], audit_log.checkpoints)


async def verify(audit_log: AuditHarness) -> tuple[int, ...]:
    """Count what is verified: commits, checkpoints, cosignatures, pictures, without salt, without event."""
    report = await audit_log.verify()
    seen = await audit_log.verify_pictures()
    assert await audit_log.verify_content() == ContentReport(generations=2)
    return report.size, report.checkpoints, report.cosignatures, seen.pictures, seen.unsalted, seen.unnamed


async def check(audit_log: AuditHarness, collection: str) -> None:
    """Verify everything, first what covers a collection; ContradictionError for a flip."""
    checks: list[Callable[[], Awaitable[object]]] = [
        audit_log.verify,
        audit_log.verify_pictures,
        audit_log.verify_content,
    ]
    first = checks.pop({"blobs": 1, "personal_data": 2}.get(collection, 0))
    for one in (first, *checks):
        await one()


@pytest.mark.parametrize("seed", range(4))
async def test_every_flipped_bit_is_found(deep_log: AuditHarness, seed: int) -> None:
    await make_history(deep_log)
    assert await verify(deep_log) == INTACT
    flipper, found, missed = BitFlipper(deep_log.database, seed), Counter[str](), []
    await flipper.load()
    async for flip in flipper.flips(FLIPS):
        try:
            await check(deep_log, flip.collection)
        except ContradictionError:
            found[flip.collection] += 1
        else:
            missed.append(flip)
    assert missed == []
    assert found.total() == FLIPS
    assert found.keys() == COVERED.keys()
    assert await verify(deep_log) == INTACT
