"""MongoDB and RabbitMQ are killed or lose what they hold under load."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, Scene
from tests.systems.servers import MongoServer, RabbitServer


async def kill_mongod(scene: Scene) -> None:
    """4: kill -9 mongod under load."""
    async with scene.load(LOAD):
        await outage(scene, scene.servers.mongod)


async def kill_rabbitmq(scene: Scene) -> None:
    """5: kill -9 RabbitMQ under load."""
    async with scene.load(LOAD):
        await outage(scene, scene.servers.rabbit)


async def wipe_rabbitmq(scene: Scene) -> None:
    """6: every waiting message is lost."""
    async with scene.load(LOAD):
        scene.system.kill("worker")
    scene.system.purge()
    await scene.system.restart("worker")


async def outage(scene: Scene, server: MongoServer | RabbitServer) -> None:
    """Kill a server; start it again after at most two seconds."""
    await server.lose(seconds=scene.rng.uniform(0, 2))


ROWS: Mapping[str, Row] = {
    "4": kill_mongod,
    "5": kill_rabbitmq,
    "6": wipe_rabbitmq,
}
