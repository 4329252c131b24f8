from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from domain.generation import decisions
from events.envelope import Cause
from store.errors import StoreUnavailableError
from store.generations.generations import Generations
from store.generations.projection import Projection

_PAGE = 200
_PAUSE_S = 300.0
_CAUSE = Cause(actor="actor:deadline")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """End generations in time; one that cannot be ended is left out for five minutes, so that it blocks no other."""

    projection: Projection
    generations: Generations
    safe_now: Callable[[], Awaitable[datetime]]
    monotonic: Callable[[], float]
    _left_out: dict[str, float] = field(default_factory=dict, init=False)

    async def expire(self) -> int:
        """Fail the generations that are past their deadline; return how many were looked at."""
        now = await self.safe_now()
        for name in [name for name, until in self._left_out.items() if until <= self.monotonic()]:
            del self._left_out[name]
        done = set[str]()  # their rows are written a moment later
        while rows := await self.projection.expired(now, limit=_PAGE, excluding={*self._left_out, *done}):
            for row in rows:
                await self._expire(row.id, now)
            done |= {row.id for row in rows}
            if len(rows) < _PAGE:
                break
        return len(done)

    async def _expire(self, generation_id: str, now: datetime) -> None:
        try:
            await self.generations.decide(generation_id, lambda g: decisions.expire(g, now=now), cause=_CAUSE)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - no generation's fault may delay another's deadline
            self._left_out[generation_id] = self.monotonic() + _PAUSE_S
            log.warning("deadline_not_applied", generation_id=generation_id, error=error)


async def expire(*, deadlines: Deadlines) -> int:
    """Fail the generations that are past their deadline; return how many were looked at."""
    return await deadlines.expire()
