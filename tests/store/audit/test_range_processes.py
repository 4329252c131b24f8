"""Processes that verify ranges of the log find what one process finds."""

import pytest

from domain.audit.checkpoints import ContradictionError
from store.audit.range_processes import RangeProcesses
from tests.store.audit.conftest import opened
from tests.stores import settings_for

LEVELS = (2, 4, 6)


async def test_processes_find_what_one_process_finds(mongodb_url: str) -> None:
    async with opened(mongodb_url, LEVELS) as audit_log:
        await audit_log.fill()
        await audit_log.sign()
        ranges = RangeProcesses(settings_for(mongodb_url), 2)
        assert await audit_log.verify(ranges=ranges) == await audit_log.verify()
        for name in ("c:4", "b:2"):
            await audit_log.tamper("commits", {"_id": name}, {"last": 9})
        with pytest.raises(ContradictionError, match="position 3: b:2: the fields beside the body") as found:
            await audit_log.verify(ranges=ranges)
        assert found.value.position == 3
