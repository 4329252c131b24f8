"""A replica set and a RabbitMQ cluster, of three members each, lose one of them under load."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from actors.subscriptions import QUEUES
from tests.chaos.load import recover, steady_load
from tests.chaos.row import Row
from tests.chaos.scene import Scene
from tests.systems.cluster import Cluster
from tests.systems.network import Host

MEMBERS = 3
# Longer than RabbitMQ takes to notice a silent node, and MongoDB to elect.
CUT_S = 20.0

Fault = Callable[[Scene, Cluster], AbstractAsyncContextManager[None]]


async def lose_a_member(scene: Scene) -> None:
    """21: of three members each: primary killed or stepped down, queue leader killed, a host cut off."""
    cluster = scene.cluster
    assert {len(queue["members"]) for queue in cluster.rabbits.queues() if queue["type"] == "quorum"} == {MEMBERS}
    name, fault = FAULTS[(scene.seed + len(scene.recoveries)) % len(FAULTS)]
    async with steady_load(scene, every=0.5):
        await asyncio.sleep(1)
        async with fault(scene, cluster):
            await recover(scene, name)
        await cluster.whole()


@asynccontextmanager
async def _primary_killed(_: Scene, cluster: Cluster) -> AsyncIterator[None]:
    killed = cluster.mongods.primary()
    cluster.mongods.kill(killed)
    yield
    killed.launch()


@asynccontextmanager
async def _primary_stepped_down(_: Scene, cluster: Cluster) -> AsyncIterator[None]:
    await asyncio.to_thread(cluster.mongods.step_down)
    yield


@asynccontextmanager
async def _leader_killed(scene: Scene, cluster: Cluster) -> AsyncIterator[None]:
    killed = cluster.rabbits.leader(_any_queue(scene))
    cluster.rabbits.kill(killed)
    yield
    killed.launch()


@asynccontextmanager
async def _primary_cut_off(_: Scene, cluster: Cluster) -> AsyncIterator[None]:
    async with _unplugged(cluster.host_of(cluster.mongods.primary())):
        yield


@asynccontextmanager
async def _leader_cut_off(scene: Scene, cluster: Cluster) -> AsyncIterator[None]:
    async with _unplugged(cluster.host_of(cluster.rabbits.leader(_any_queue(scene)))):
        yield


@asynccontextmanager
async def _unplugged(host: Host) -> AsyncIterator[None]:
    host.unplug()
    noticed = asyncio.create_task(asyncio.sleep(CUT_S))
    try:
        yield
        await noticed
    finally:
        host.plug_in()


def _any_queue(scene: Scene) -> str:
    return scene.rng.choice(sorted(QUEUES))


FAULTS: tuple[tuple[str, Fault], ...] = (
    ("primary killed", _primary_killed),
    ("primary stepped down", _primary_stepped_down),
    ("queue leader killed", _leader_killed),
    ("host of the primary cut off", _primary_cut_off),
    ("host of a queue leader cut off", _leader_cut_off),
)

ROWS: Mapping[str, Row] = {
    "21": lose_a_member,
}
