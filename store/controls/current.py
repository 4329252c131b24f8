import time
from collections.abc import Callable
from typing import Final

from domain.controls.controls import Controls
from store.controls.documents import CURRENT, controls_in
from store.mongo.batcher import Batcher, shared
from store.mongo.connection import Database, raises_unavailable

STALE_AFTER: Final = 1.0  # seconds


@raises_unavailable
class CurrentControls:
    """Read the controls in force; what a process reads it uses for one second at most.

    The age counts on the monotonic clock from before the read. Concurrent reads share a round trip. Raises
    StoreUnavailableError: nothing is sent or accepted on controls that cannot be read.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._controls = database.get_collection("controls")
        self._monotonic = monotonic
        self._known: tuple[float, Controls] | None = None
        self._reads: Batcher[None, Controls] = shared(lambda _: self._read())

    async def get(self) -> Controls:
        """Return the controls, at most a second old."""
        if self._known is not None and self._monotonic() - self._known[0] < STALE_AFTER:
            return self._known[1]
        return await self.fresh()

    async def fresh(self) -> Controls:
        """Return the controls as they are stored now."""
        return await self._reads.put(None)

    def forget(self) -> None:
        """Read again at the next call, because this process has changed the controls."""
        self._known = None

    async def _read(self) -> Controls:
        asked = self._monotonic()
        found = controls_in(await self._controls.find_one({"_id": CURRENT}))
        self._known = asked, found
        return found
