"""A log that is verified in ranges, each by itself, is found sound or faulty as a whole one."""

from collections.abc import Sequence

import pytest

from domain.audit.checkpoints import ContradictionError
from store.audit import range_verification
from store.audit.log_range import LogRange
from tests.store.audit.conftest import AuditHarness

GENERATION = "0193f5e0-0000-7000-8000-00000000000{}"


async def make_history(audit_log: AuditHarness) -> None:
    """Write 20 commits of six streams and sign at two sizes; ranges of four or eight positions divide the streams."""
    await audit_log.fill()
    await audit_log.sign()
    for number in range(2):
        await audit_log.complete(GENERATION.format(number), 10, 10)
    for version in range(7):
        await audit_log.write("d", after=version)
    await audit_log.seal()
    await audit_log.sign()


async def verify(audit_log: AuditHarness, count: int) -> tuple[int, bytes, int, int, int]:
    report = await audit_log.verify(ranges=audit_log.in_ranges(count))
    return report.size, report.root, report.streams, report.checkpoints, report.waiting


async def test_ranges_find_what_the_whole_finds(deep_log: AuditHarness) -> None:
    await make_history(deep_log)
    await deep_log.write("late")
    whole = await verify(deep_log, 1)
    assert whole[2:] == (6, 2, 1)
    for count in (2, 3, 5, 50):
        assert await verify(deep_log, count) == whole
    commits = deep_log.database["commits"]
    documents = await commits.find({}).sort("_id", -1).to_list(None)
    await commits.delete_many({})
    await commits.insert_many(documents)
    assert await verify(deep_log, 3) == whole


async def test_commits_that_wait_too_long_are_read_again(
    deep_log: AuditHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_history(deep_log)
    whole = await verify(deep_log, 1)
    for limit in ("_AHEAD", "_MOST_WAITING"):
        monkeypatch.setattr(range_verification, limit, 0)
        assert await verify(deep_log, 2) == whole
    await deep_log.database["log"].delete_one({"_id": 20})
    for derived in ("checkpoints", "merkle_nodes"):
        await deep_log.database[derived].delete_many({})
    with pytest.raises(ContradictionError, match="d:7 has no position and no mark `unsealed`"):
        await verify(deep_log, 2)


async def test_the_first_fault_of_all_ranges_is_named(deep_log: AuditHarness) -> None:
    await make_history(deep_log)
    for position, name in ((20, "d:7"), (15, "d:2"), (8, "c:3"), (2, "b:1")):
        await deep_log.tamper("commits", {"_id": name}, {"types": ["generation.completed"]})
        for count in (1, 3, 5):
            with pytest.raises(ContradictionError, match=f"{name}: the fields beside") as found:
                await verify(deep_log, count)
            assert found.value.position == position


async def test_the_order_of_sealing_is_compared_across_ranges(deep_log: AuditHarness) -> None:
    await make_history(deep_log)
    first = await deep_log.database["log"].find_one({"_id": 1})
    assert first is not None
    await deep_log.database["log"].update_many({"_id": {"$gt": 16}}, {"$set": {"sealed_at": first["sealed_at"]}})
    with pytest.raises(ContradictionError, match="d:4: was sealed before the position that it follows") as found:
        await verify(deep_log, 5)
    assert found.value.position == 17


@pytest.mark.parametrize(("last", "count", "expected"), [
    (0, 2, [(0, 0, 0, 0)]),
    (1, 2, [(0, 1, 0, 0)]),
    (8, 2, [(0, 4, 0, 4), (4, 8, 4, 0)]),
    (9, 2, [(0, 8, 0, 8), (8, 9, 8, 0)]),
    (13, 3, [(0, 8, 0, 8), (8, 13, 8, 0)]),
])  # fmt: skip
def test_ranges_have_whole_blocks(last: int, count: int, expected: Sequence[tuple[int, int, int, int]]) -> None:
    parts = LogRange(0, last, last, 2, [2, 4, 9]).divided(count)
    assert [(part.after, part.last, part.skip, part.limit) for part in parts] == expected
    assert [size for part in parts for size in part.sizes if size <= last] == [s for s in (2, 4, 9) if s <= last]
