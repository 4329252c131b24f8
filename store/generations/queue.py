"""Who waits before whom, as the rows tell: a moment behind the log."""

from collections.abc import Collection, Sequence
from typing import Protocol

from domain.generation.explanation import Ahead
from domain.generation.generation import Generation


class Queue(Protocol):
    """Numbers for those who wait; of nobody else's generation more than that it is counted."""

    async def ahead(self, generation: Generation) -> Ahead:
        """Count who was admitted before and waits in the same state, up to `POSITION_BOUND`."""
        ...

    async def own(self, project: str, user: str, generations: Collection[str]) -> Sequence[str]:
        """Choose those of some generations that are a user's own, the oldest first."""
        ...
