from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from domain.generation import decisions
from events.envelope import Cause
from store.generations.generations import Generations
from store.generations.projection import Projection

_CAUSE = Cause(actor="actor:deadline")

log = structlog.get_logger()


async def expire(
    *, projection: Projection, generations: Generations, safe_now: Callable[[], Awaitable[datetime]]
) -> int:
    """Fail the generations that are past their deadline; return how many were looked at."""
    now = await safe_now()
    rows = await projection.expired(now, limit=200)
    for row in rows:
        try:
            await generations.decide(row.id, lambda g: decisions.expire(g, now=now), cause=_CAUSE)
        except Exception as error:  # noqa: BLE001 - no generation's fault may delay another's deadline
            log.warning("deadline_not_applied", generation_id=row.id, error=repr(error))
    return len(rows)
