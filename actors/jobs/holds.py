from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from domain.accounts.quota import LEAKED_AFTER
from store.quota.admission import Admission

log = structlog.get_logger()


async def release_leaked_holds(*, admission: Admission, safe_now: Callable[[], Awaitable[datetime]]) -> int:
    """Free slots whose generation is final or was never recorded; return how many."""
    freed = await admission.sweep(older_than=await safe_now() - LEAKED_AFTER)
    if freed:
        log.info("holds_released", count=freed)
    return freed
