"""What the product writes of generations is verified by its bytes; everything else is decoded."""

from datetime import UTC, datetime

import bson
import pytest

from domain.generation.generation import stream_of
from events.commit import leaf_hash
from events.envelope import Cause
from store.audit import range_verification
from store.audit.bson_layout import LEAF
from store.audit.known_streams import KnownStreams
from store.audit.range_check import RangeCheck
from store.audit.stored_form import LENIENT, documents_in
from tests.builders.generation import ID, TO_COMPLETED
from tests.store.audit.conftest import AuditHarness

STREAM = stream_of(ID)
START = datetime(2026, 11, 20, 12, 0, 37, 37037, tzinfo=UTC)
REQUEST = "0123456789abcdef" * 2


async def fill(audit_log: AuditHarness) -> list[tuple[bytes, bytes]]:
    """Write a generation of three commits, and return its entries and commits as they are stored."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    own = Cause("user:\u00e9", REQUEST, STREAM)
    caused = Cause("actor:a", REQUEST, STREAM, f"{STREAM}:1", trace)
    for after, end, cause in ((0, 1, own), (1, 4, caused), (4, len(TO_COMPLETED), Cause("provider"))):
        await audit_log.store.events.append(STREAM, after, TO_COMPLETED[after:end], cause=cause, time=START)
    await audit_log.seal()
    scan = audit_log.store.commit_scan
    entries = [entry async for batch in scan.positions(0, 3) for entry in documents_in(batch)]
    commits = [commit async for batch in scan.commits() for commit in documents_in(batch)]
    return [*zip(entries, commits, strict=True)]


def agreed(audit_log: AuditHarness, pairs: list[tuple[bytes, bytes]]) -> int:
    """Count the positions that are verified by their bytes, up to the first that is not."""
    check = RangeCheck(KnownStreams(audit_log.store.commit_scan))
    names = [range_verification.text_of(entry, *range_verification.COMMIT) for entry, _ in pairs]
    for (entry, commit), name in zip(pairs, names, strict=True):
        if check.agrees(entry, name, commit) is None:
            break
    return check.position


async def test_a_generation_is_verified_by_its_bytes(audit_log: AuditHarness) -> None:
    assert agreed(audit_log, await fill(audit_log)) == 3
    assert (await audit_log.verify()).size == 3


@pytest.mark.parametrize("kind", ["entry", "commit"])
async def test_no_flipped_bit_passes_by_bytes(audit_log: AuditHarness, kind: str) -> None:
    """But those of the writer, which nothing covers, and of the time of sealing, which only must not decrease."""
    [first, (entry, commit), _] = await fill(audit_log)
    document = entry if kind == "entry" else commit
    data = document.find(b'"data":')
    for byte in range(4, len(document)):  # behind the size, by which it was cut out
        if _is_spared(document, byte) or (kind == "commit" and data < byte < len(document) - 200):
            continue  # most bytes of the data: a body with another hash is told at once
        for bit in (0, 5):
            changed = bytearray(document)
            changed[byte] ^= 1 << bit
            pair = (bytes(changed), commit) if kind == "entry" else (entry, bytes(changed))
            assert agreed(audit_log, [first, pair]) == 1, (byte, bit)


def forged(pair: tuple[bytes, bytes], old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """Replace a text by another of its length wherever it stands, and the leaf by that of the changed body."""
    entry, commit = (one.replace(old, new) for one in pair)
    body = bson.decode(commit, LENIENT)["body"]
    start = commit.find(LEAF) + len(LEAF)
    leaves = commit[start : start + 32], leaf_hash(body)
    return entry.replace(*leaves), commit.replace(*leaves)


async def test_a_forged_commit_that_is_no_text_does_not_pass_by_bytes(audit_log: AuditHarness) -> None:
    [first, *_] = await fill(audit_log)
    assert agreed(audit_log, [forged(first, b"user:\xc3\xa9", b"user:\xc3\xa8")]) == 1
    assert agreed(audit_log, [forged(first, b"user:\xc3\xa9", b"user:\xc3(")]) == 0
    assert agreed(audit_log, [forged(first, STREAM.encode(), STREAM.encode()[:-1] + b"\xff")]) == 0


async def test_a_negative_length_does_not_pass_by_bytes(audit_log: AuditHarness) -> None:
    [(entry, commit), *_] = await fill(audit_log)
    at = commit.find(b"\x05body\0") + 6
    size = (-1 - (at + 5)).to_bytes(4, "little", signed=True)
    assert agreed(audit_log, [(entry, commit[:at] + size + commit[at + 4 :])]) == 0


def _is_spared(document: bytes, byte: int) -> bool:
    for name, size in ((b"\x02writer\0\x19\0\0\0", 24), (b"\x09sealed_at\0", 8)):
        start = document.find(name) + len(name)
        if name in document and start <= byte < start + size:
            return True
    return False
