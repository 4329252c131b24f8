"""Our own processes are killed or stopped under load."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, OURS, Scene

CREATES = ("drop_after_commit", "hang", "500", "truncated", "html_502", "version_null")


async def kill_gateway(scene: Scene) -> None:
    """1: kill -9 gateway at any moment of submissions; clients repeat their requests."""
    async with scene.load(LOAD):
        await scene.system.restart("gateway")


async def kill_scheduler(scene: Scene) -> None:
    """2: kill -9 redelivery, sealer and all other jobs."""
    async with scene.load(LOAD):
        await scene.system.restart("scheduler")


async def kill_worker(scene: Scene) -> None:
    """3: kill -9 worker before, during and after the paid call."""
    async with scene.load(LOAD, create=scene.rng.choice(CREATES)):
        await scene.system.restart("worker")


async def end_in_turn(scene: Scene) -> None:
    """15: SIGTERM to every process, one after the other, under load."""
    async with scene.load(LOAD):
        for name in scene.rng.sample(OURS, len(OURS)):
            codes = await scene.system.terminate(name)
            assert codes == {name: 0}, codes
            await scene.system.restart(name)


ROWS: Mapping[str, Row] = {
    "1": kill_gateway,
    "2": kill_scheduler,
    "3": kill_worker,
    "15": end_in_turn,
}
