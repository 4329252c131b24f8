"""Any fault that is over within seconds, one after the other, beside a steady load."""

import asyncio
import time
from collections.abc import Mapping

from pika.exceptions import AMQPError

from tests.chaos.load import steady_load
from tests.chaos.row import Row
from tests.chaos.rows.crash_points import CREATES
from tests.chaos.rows.processes import terminate_in_turn
from tests.chaos.rows.servers import outage
from tests.chaos.scene import OURS, Scene

EVERY_S = 5.0
SUBMIT_EVERY_S = 0.75
SPOILED = 3
PURGE_S = 5.0
ELECTION_S = 3.0
"""Longer than a healthy queue takes to find its leader."""


async def soak(scene: Scene) -> None:
    """18: a fault every 5 s, at random, beside a steady load."""
    end, faults = time.monotonic() + 60 * scene.minutes, 0
    async with steady_load(scene, every=SUBMIT_EVERY_S):
        while time.monotonic() < end:
            began = time.monotonic()
            await scene.rng.choice(FAULTS)(scene)
            faults += 1
            await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - began)))
    scene.notes.append(f"{faults} faults in {scene.minutes:g} minutes")


async def kill_some(scene: Scene) -> None:
    """Kill one, two or all of our processes while the provider fails."""
    await spoil_creations(scene)
    await scene.system.restart(*scene.rng.sample(OURS, scene.rng.randint(1, len(OURS))))


async def kill_mongod(scene: Scene) -> None:
    await outage(scene, scene.servers.mongod)


async def kill_rabbitmq(scene: Scene) -> None:
    """Kill RabbitMQ; let queues that find no leader afterwards elect one, as operators are told to."""
    await outage(scene, scene.servers.rabbit)
    await asyncio.sleep(ELECTION_S)
    if without_leader := await scene.servers.rabbit.elect_leaders():
        scene.notes.append(f"{without_leader} queues found no leader")


async def lose_messages(scene: Scene) -> None:
    scene.system.kill("worker")
    try:
        async with asyncio.timeout(PURGE_S):
            await asyncio.to_thread(scene.system.purge)
    except (AMQPError, TimeoutError):  # it has just been started, or a queue has found no leader since
        scene.notes.append("messages could not be deleted")
    await scene.system.restart("worker")


async def spoil_creations(scene: Scene) -> None:
    """Let the provider fail for the next creations."""
    await scene.sandbox.arm(create=scene.rng.choice(CREATES), times=SPOILED)


FAULTS: tuple[Row, ...] = (
    kill_some,
    kill_some,
    kill_some,
    kill_mongod,
    kill_rabbitmq,
    lose_messages,
    terminate_in_turn,
    spoil_creations,
)
"""Deaths of our processes are the most frequent."""

ROWS: Mapping[str, Row] = {
    "18": soak,
}
