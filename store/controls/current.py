import time
from collections.abc import Callable
from typing import Final

from domain.controls.controls import Controls
from store.controls.documents import CURRENT, controls_in
from store.mongo.connection import Database, raises_unavailable
from store.mongo.recent import Recent

STALE_AFTER: Final = 1.0  # seconds


@raises_unavailable
class CurrentControls:
    """Read the controls in force; what a process reads it uses for one second at most.

    The age counts on the monotonic clock from before the read. Concurrent reads share a round trip. Raises
    StoreUnavailableError: nothing is sent or accepted on controls that cannot be read.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._controls = database.get_collection("controls")
        self._recent = Recent(self._read, seconds=STALE_AFTER, monotonic=monotonic)

    async def get(self, *, at_most: float = STALE_AFTER) -> Controls:
        """Return the controls, at most a second old, or younger."""
        return await self._recent.get(at_most=at_most)

    async def fresh(self) -> Controls:
        """Return the controls as they are stored now."""
        return await self._recent.fresh()

    def forget(self) -> None:
        """Read again at the next call, because this process has changed the controls."""
        self._recent.forget()

    async def _read(self) -> Controls:
        return controls_in(await self._controls.find_one({"_id": CURRENT}))
