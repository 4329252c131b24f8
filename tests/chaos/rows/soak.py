"""Any fault that is over within seconds, one after the other, beside a steady load."""

import asyncio
import time
from collections.abc import Mapping

from tests.chaos.load import steady_load
from tests.chaos.row import Row
from tests.chaos.rows.crash_points import CREATES
from tests.chaos.rows.processes import end_in_turn
from tests.chaos.rows.provider import drop_answers
from tests.chaos.rows.servers import kill_mongod, kill_rabbitmq, wipe_rabbitmq
from tests.chaos.scene import LOAD, OURS, Scene

EVERY_S = 5.0
SUBMIT_EVERY_S = 1.0


async def soak(scene: Scene) -> None:
    """18: a fault every 5 s, at random, beside a steady load."""
    end = time.monotonic() + 60 * scene.minutes
    faults = 0
    async with steady_load(scene, every=SUBMIT_EVERY_S):
        while time.monotonic() < end:
            began = time.monotonic()
            await scene.rng.choice(FAULTS)(scene)
            faults += 1
            await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - began)))
    scene.notes.append(f"{faults} faults in {scene.minutes:g} minutes")


async def kill_some(scene: Scene) -> None:
    """Kill one, two or all of our processes at any moment while the provider fails."""
    async with scene.load(LOAD, create=scene.rng.choice(CREATES)):
        await scene.system.restart(*scene.rng.sample(OURS, scene.rng.randint(1, len(OURS))))


FAULTS: tuple[Row, ...] = (
    kill_some,
    kill_some,
    kill_mongod,
    kill_rabbitmq,
    wipe_rabbitmq,
    end_in_turn,
    drop_answers,
)
"""Those that need no quiet beside them; deaths of processes are the most frequent."""

ROWS: Mapping[str, Row] = {
    "18": soak,
}
