"""MongoDB and RabbitMQ are killed, lose what they hold, or run out of room under load."""

import asyncio
from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, Scene
from tests.chaos.small_disk import SmallDisk, small_disk
from tests.systems.servers import MongoServer, RabbitServer
from tests.systems.waiting import until

# Shares of the machine's memory at which RabbitMQ blocks.
LITTLE, USUAL = 0.0001, 0.4


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


async def fill_up(scene: Scene) -> None:
    """17: RabbitMQ's memory alarm, then MongoDB's disk full under load; both have room again afterwards."""
    await _fill_memory(scene)
    async with small_disk(scene.servers.mongod) as disk:
        if disk is None:
            scene.notes.append("MongoDB's disk is not filled: only root may mount a tmpfs")
        else:
            await _fill_disk(scene, disk)


async def _fill_memory(scene: Scene) -> None:
    rabbit = scene.servers.rabbit
    await rabbit.limit_memory(LITTLE)
    try:
        await until(rabbit.blocks_publishers, "RabbitMQ raises its alarm", every=0.2)
        async with scene.load(LOAD):
            await asyncio.sleep(scene.rng.uniform(1, 3))
        scene.require(rabbit.blocks_publishers(), "the alarm ended before all were accepted")
    finally:
        await rabbit.limit_memory(USUAL)


async def _fill_disk(scene: Scene, disk: SmallDisk) -> None:
    mongod = scene.servers.mongod
    async with scene.load(LOAD):
        disk.fill()
        try:
            await until(lambda: not mongod.write_all() and not mongod.running, "MongoDB ends", within=60, every=0.2)
            scene.require(await _is_refused(scene), "a request was not refused with a time to try again")
        finally:
            disk.empty()
            await mongod.lose(seconds=0)


async def _is_refused(scene: Scene) -> bool:
    answer = await scene.tenant.submit()
    return answer.status == 503 and "Retry-After" in answer.headers


ROWS: Mapping[str, Row] = {
    "4": kill_mongod,
    "5": kill_rabbitmq,
    "6": wipe_rabbitmq,
    "17": fill_up,
}
