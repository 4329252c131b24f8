"""Connections are reset or fall silent, and publishing fails, under load."""

import asyncio
import time
from collections.abc import Mapping

from actors.subscriptions import QUEUES
from rabbitmq.topology import topology
from tests.chaos.links import MONGODB, PROVIDER, RABBITMQ, reconnects, through_proxies
from tests.chaos.row import Row
from tests.chaos.scene import LOAD, OURS, Scene

HEARTBEAT_S = 2
MONGODB_TIMEOUT_MS = 1500
# A call is given up after four timeouts; a batch of appends is then sent once more.
MONGODB_RECOVERS_S = 20.0
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
    environ = {"EXEMPLAR_MONGODB_TIMEOUT_MS": str(MONGODB_TIMEOUT_MS)}
    async with through_proxies(scene, OURS, MONGODB, **environ) as proxies:
        async with scene.load(LOAD):
            silenced = {name: proxy.silence() for name, proxy in proxies.items()}
            assert all(silenced.values()), silenced
            began = time.monotonic()
        accepted = time.monotonic() - began
        await scene.rest()
        ended = time.monotonic() - began
    assert ended < 2 * MONGODB_RECOVERS_S, f"MongoDB silent: all ended after {ended:.1f} s"
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
    """9: publishing fails: the exchange is deleted, then nobody may write."""
    rabbit, failed = scene.servers.rabbit, _failures(scene)
    async with scene.load(LOAD):
        rabbit.delete_exchange(topology(QUEUES).exchange)
    deleted = _failures(scene)
    try:
        async with scene.load(LOAD):
            rabbit.permit(write=NOBODY)
            await asyncio.sleep(2)
    finally:
        rabbit.permit()
    assert failed < deleted < _failures(scene), "nothing failed"


def _failures(scene: Scene) -> int:
    """Count how often a process lost its channel to RabbitMQ."""
    return sum(line["event"] == "rabbitmq_link_lost" for name in OURS for line in scene.system.logged(name))


def _listed(names: tuple[str, ...], seconds: list[float]) -> str:
    return ", ".join(f"{name} {one:.1f} s" for name, one in zip(names, seconds, strict=True))


ROWS: Mapping[str, Row] = {
    "7": reset_consumer,
    "8": fall_silent,
    "9": refuse_to_publish,
}
