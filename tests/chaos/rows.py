"""The faults of the table, injected under load; each row restarts what it ended."""

from collections.abc import Awaitable, Callable, Mapping

from tests.chaos.scene import OURS, Scene

Row = Callable[[Scene], Awaitable[None]]
LOAD = 6
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


async def drop_answers(scene: Scene) -> None:
    """10: creations without a response, known by callback or not at all."""
    webhook = scene.rng.choice(("lost", "duplicate"))
    async with scene.load(LOAD, create="drop_after_commit", webhook=webhook):
        pass


async def end_in_turn(scene: Scene) -> None:
    """15: SIGTERM to every process, one after the other, under load."""
    async with scene.load(LOAD):
        for name in scene.rng.sample(OURS, len(OURS)):
            codes = await scene.system.terminate(name)
            assert codes == {name: 0}, codes
            await scene.system.restart(name)


async def anything(scene: Scene) -> None:
    """18: one of the others, at random."""
    await scene.rng.choice([row for name, row in ROWS.items() if name != "18"])(scene)


ROWS: Mapping[str, Row] = {
    "1": kill_gateway,
    "2": kill_scheduler,
    "3": kill_worker,
    "4": kill_mongod,
    "5": kill_rabbitmq,
    "6": wipe_rabbitmq,
    "10": drop_answers,
    "15": end_in_turn,
    "18": anything,
}
