"""Our own processes are killed or stopped under load."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, OURS, Scene


async def kill_scheduler(scene: Scene) -> None:
    """2: kill -9 redelivery, sealer and all other jobs."""
    async with scene.load(LOAD):
        await scene.system.restart("scheduler")


async def end_in_turn(scene: Scene) -> None:
    """15: SIGTERM to every process, one after the other, under load."""
    async with scene.load(LOAD):
        await terminate_in_turn(scene)


async def terminate_in_turn(scene: Scene) -> None:
    """End each process by SIGTERM, and start it again before the next."""
    for name in scene.rng.sample(OURS, len(OURS)):
        codes = await scene.system.terminate(name)
        assert codes == {name: 0}, codes
        await scene.system.restart(name)


ROWS: Mapping[str, Row] = {
    "2": kill_scheduler,
    "15": end_in_turn,
}
