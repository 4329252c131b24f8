"""Any of the other rows, one after the other, beside a steady load."""

import asyncio
import time
from collections.abc import Mapping

from tests.chaos.load import steady_load
from tests.chaos.row import Row
from tests.chaos.rows import processes, provider, servers
from tests.chaos.scene import Scene

EVERY_S = 5.0
SUBMIT_EVERY_S = 1.0

FAULTS: tuple[Row, ...] = (*processes.ROWS.values(), *servers.ROWS.values(), *provider.ROWS.values())


async def soak(scene: Scene) -> None:
    """18: a fault every 5 s, at random, beside a steady load."""
    end = time.monotonic() + 60 * scene.minutes
    async with steady_load(scene, every=SUBMIT_EVERY_S):
        while time.monotonic() < end:
            began = time.monotonic()
            await scene.rng.choice(FAULTS)(scene)
            await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - began)))


ROWS: Mapping[str, Row] = {
    "18": soak,
}
