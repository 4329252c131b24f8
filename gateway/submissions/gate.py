"""The gate before every submission: what operators refuse, and the longest queue."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.accounts.access import Identity
from domain.controls.controls import Control
from domain.controls.refusals import refusal_of
from store.controls.current import CurrentControls
from store.errors import OutcomeUnknownError
from store.generations.queue import Queue

_COUNTED_FOR: Final = 1.0  # seconds


@dataclass(eq=False, slots=True, kw_only=True)
class SubmissionGate:
    """Refuse what the controls in force refuse.

    The queue is counted once a second while it has a longest length; what this process has recorded since then or is
    about to record is added. So several gateways exceed that length by what the others accept within a second.
    """

    current_controls: CurrentControls
    queue: Queue
    provider_name: str
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    _counted: tuple[float, int, int] | None = field(default=None, init=False)
    _passing: int = field(default=0, init=False)
    _recorded: int = field(default=0, init=False)

    async def require_open(self, identity: Identity) -> list[Control]:
        """Return the controls that concern a submission now; raise LimitError when one of them refuses it."""
        controls = (await self.current_controls.get()).about(
            self.provider_name, identity.developer_id, identity.project_id
        )
        limit = next((one.limit for one in controls if one.limit is not None), None)
        waiting = 0 if limit is None else await self._waiting(limit)
        if (refusal := refusal_of(controls, waiting=waiting, now=self.clock())) is not None:
            raise refusal
        return controls

    @asynccontextmanager
    async def passing(self, identity: Identity) -> AsyncIterator[list[Control]]:
        """Count a submission as one that waits while the block records it, and afterwards unless the block raises.

        As `require_open`. What may be recorded, although the block raises, counts.
        """
        controls = await self.require_open(identity)
        self._passing += 1
        try:
            yield controls
        except OutcomeUnknownError:
            self._recorded += 1
            raise
        else:
            self._recorded += 1
        finally:
            self._passing -= 1

    async def holds(self, identity: Identity) -> bool:
        """Tell whether what is accepted now waits for an operator."""
        controls = await self.current_controls.get()
        return controls.held_by(self.provider_name, identity.developer_id, identity.project_id) is not None

    async def _waiting(self, limit: int) -> int:
        asked = self.monotonic()
        if self._counted is None or asked - self._counted[0] >= _COUNTED_FOR:
            recorded = self._recorded
            self._counted = asked, await self.queue.waiting(limit), recorded
        _, waiting, recorded = self._counted
        return waiting + self._recorded - recorded + self._passing


def held_until(controls: list[Control]) -> datetime | None:
    """Return the farthest expected end of the controls that hold back paid calls, if one is known."""
    return max((one.expected_end for one in controls if one.holds and one.expected_end is not None), default=None)
