"""Gateway and workers kill themselves at each named point under load."""

import asyncio
from collections.abc import Mapping

from store.crash_points import POINTS
from tests.chaos.crashing import crash
from tests.chaos.row import Row
from tests.chaos.scene import LOAD, Scene

CREATES = ("drop_after_commit", "hang", "500", "truncated", "html_502", "version_null")
ACTORS = {role: points for role, points in POINTS.items() if role != "gateway"}
# Workers beside those that die: no two queues of one follow each other, or their actors would share a commit.
WORKERS = {
    "first-worker": "validation,invocation,completion,cancellation,projector",
    "second-worker": "quota,erasure,delivery",
}
SENT_BY_SCHEDULER = {"during_request", "before_append", "after_append"}


async def crash_gateway(scene: Scene) -> None:
    """1: kill -9 gateway at each of five points of submissions and streams; clients repeat their requests."""
    await crash_gateway_at(scene, *POINTS["gateway"])


async def crash_gateway_at(scene: Scene, *points: str) -> None:
    """Kill the gateway at one point after the other, then start it again."""

    async def crashes() -> None:
        for point in points:
            await crash(scene, "gateway", "gateway", role="gateway", point=point)
        await scene.system.run_again("gateway")

    scene.system.kill("gateway")
    try:
        await scene.under_load(crashes())
    finally:
        await scene.system.run_again("gateway")


async def crash_workers(scene: Scene) -> None:
    """3: kill -9 worker of each of six actors at each of its points, and one while the provider hangs or fails."""
    for number in range(max(map(len, ACTORS.values()))):
        await crash_each_actor(scene, number)
    async with scene.load(LOAD, create="hang"):
        await scene.sandbox.taken()
        await scene.system.restart("worker")
    async with scene.load(LOAD, create=scene.rng.choice(CREATES)):
        await scene.system.restart("worker")


async def crash_each_actor(scene: Scene, number: int) -> None:
    """Kill one worker of each actor, or a sender of webhooks, at the point of this number; others do their work."""
    system = scene.system
    system.kill("worker")
    for name, queues in WORKERS.items():
        system.program(name, "worker", "--queues", queues)
    try:
        await system.restart(*WORKERS)
        await scene.under_load(_crash_all(scene, number))
    finally:
        system.kill(*WORKERS)
        await system.restart("worker")


async def _crash_all(scene: Scene, number: int) -> None:
    async with asyncio.TaskGroup() as crashes:
        for actor, points in ACTORS.items():
            crashes.create_task(_crash_actor(scene, actor, points[number % len(points)]))


async def _crash_actor(scene: Scene, actor: str, point: str) -> None:
    sends = actor == "delivery" and point in SENT_BY_SCHEDULER
    command = ("scheduler",) if sends else ("worker", "--queues", actor)
    await crash(scene, f"{actor}-{command[0]}", *command, role=actor, point=point)


ROWS: Mapping[str, Row] = {
    "1": crash_gateway,
    "3": crash_workers,
}
