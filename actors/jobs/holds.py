from collections.abc import Callable
from datetime import datetime

import structlog

from domain.accounts.quota import LEAKED_AFTER
from store.quota.admission import Admission

log = structlog.get_logger()


async def release_leaked_holds(*, admission: Admission, clock: Callable[[], datetime]) -> int:
    """Free slots whose generation is final or was never recorded; return how many."""
    freed = await admission.sweep(older_than=clock() - LEAKED_AFTER)
    if freed:
        log.info("holds_released", count=freed)
    return freed
