"""MongoDB and RabbitMQ are killed or lose what they hold under load."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, Scene


async def kill_mongod(scene: Scene) -> None:
    """4: kill -9 mongod under load."""
    async with scene.load(LOAD):
        await scene.servers.mongod.lose(seconds=scene.rng.uniform(0, 2))


async def kill_rabbitmq(scene: Scene) -> None:
    """5: kill -9 RabbitMQ under load."""
    async with scene.load(LOAD):
        await scene.servers.rabbit.lose(seconds=scene.rng.uniform(0, 2))


async def wipe_rabbitmq(scene: Scene) -> None:
    """6: every waiting message is lost."""
    async with scene.load(LOAD):
        scene.system.kill("worker")
    scene.system.purge()
    await scene.system.restart("worker")


ROWS: Mapping[str, Row] = {
    "4": kill_mongod,
    "5": kill_rabbitmq,
    "6": wipe_rabbitmq,
}
