"""Connections are reset or fall silent, and publishing fails, under load."""

import asyncio
import time
from collections.abc import Mapping

from actors.subscriptions import QUEUES
from rabbitmq.topology import topology
from tests.chaos.links import MONGODB, PROVIDER, RABBITMQ, reconnects, through_proxies
from tests.chaos.row import Row
from tests.chaos.scene import LOAD, OURS, Scene
from tests.systems.waiting import until

HEARTBEAT_S = 2
# The driver's monitor waits for its heartbeat of 2.5 s and the timeout of 5 s; a call for 20 s.
MONGODB_DETECTED_S = 20.0
CREATE_S = 3  # tests/systems/system.py
NOBODY = "^$"


async def reset_consumer(scene: Scene) -> None:
    """7: the worker's connections to RabbitMQ are reset with work in flight."""
    async with through_proxies(scene, ["worker"], RABBITMQ) as proxies:
        for _ in range(3):
            async with scene.load(LOAD):
                await asyncio.sleep(scene.rng.uniform(0, 0.5))
                assert proxies["worker"].reset() > 0, "no connection was open"


async def fall_silent(scene: Scene) -> None:
    """8: half-open connections to RabbitMQ, MongoDB and the provider."""
    await _rabbitmq_falls_silent(scene)
    await _mongodb_falls_silent(scene)
    await _provider_falls_silent(scene)


async def _rabbitmq_falls_silent(scene: Scene) -> None:
    """Every process replaces its connections within two heartbeats."""
    environ = {"EXEMPLAR_AMQP_HEARTBEAT": str(HEARTBEAT_S)}
    async with through_proxies(scene, OURS, RABBITMQ, **environ) as proxies, scene.load(LOAD):
        detected = [reconnects(name, proxy, within=2 * HEARTBEAT_S + 5) for name, proxy in proxies.items()]
        seconds = await asyncio.gather(*detected)
    scene.notes.append(f"RabbitMQ silent: reconnected after {_listed(OURS, seconds)} of {2 * HEARTBEAT_S} s")


async def _mongodb_falls_silent(scene: Scene) -> None:
    """What is submitted afterwards is accepted and ends, through new connections."""
    async with through_proxies(scene, OURS, MONGODB) as proxies:
        async with scene.load(LOAD):
            silenced = {name: proxy.silence() for name, proxy in proxies.items()}
            assert all(silenced.values()), silenced
            began = time.monotonic()
        accepted = time.monotonic() - began
        await scene.rest()
        ended = time.monotonic() - began
    assert ended < 2 * MONGODB_DETECTED_S, f"MongoDB silent: all ended after {ended:.1f} s"
    scene.notes.append(f"MongoDB silent: all accepted after {accepted:.1f} s, ended after {ended:.1f} s")


async def _provider_falls_silent(scene: Scene) -> None:
    async with through_proxies(scene, ["worker"], PROVIDER) as proxies:
        async with scene.load(LOAD):
            began, silenced = time.monotonic(), 0
            while time.monotonic() - began < CREATE_S:
                silenced += proxies["worker"].silence()
                await asyncio.sleep(0.1)
        await scene.rest()
        scene.notes.append(f"provider silent on {silenced} connections: ended after {time.monotonic() - began:.1f} s")
    assert silenced, "the worker had no connection"


async def refuse_to_publish(scene: Scene) -> None:
    """9: publishing fails: the exchange is deleted, then it is and nobody may write."""
    await scene.under_load(_delete_exchange(scene, "NOT_FOUND"))
    try:
        scene.servers.rabbit.permit(write=NOBODY)
        await scene.under_load(_delete_exchange(scene, "ACCESS_REFUSED"))  # a channel that is open keeps its rights
    finally:
        scene.servers.rabbit.permit()


async def _delete_exchange(scene: Scene, reason: str) -> None:
    """Delete the exchange, again after each declaration, until publishing has failed for a reason."""
    before, exchange = _losses(scene, reason), topology(QUEUES).exchange

    async def failed() -> bool:
        scene.servers.rabbit.delete_exchange(exchange)
        await asyncio.sleep(scene.rng.uniform(0.2, 1))
        return _losses(scene, reason) > before

    await until(failed, f"publishing fails with {reason}", within=60)
    await asyncio.sleep(scene.rng.uniform(0, 3))


def _losses(scene: Scene, reason: str) -> int:
    """Count how often a process lost its channel to RabbitMQ for a reason."""
    lost = [line for name in OURS for line in scene.system.logged(name) if line["event"] == "rabbitmq_link_lost"]
    return sum(reason in line["reason"] for line in lost)


def _listed(names: tuple[str, ...], seconds: list[float]) -> str:
    return ", ".join(f"{name} {one:.1f} s" for name, one in zip(names, seconds, strict=True))


ROWS: Mapping[str, Row] = {
    "7": reset_consumer,
    "8": fall_silent,
    "9": refuse_to_publish,
}
