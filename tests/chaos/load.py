"""Load beside the faults: submissions at a steady pace, each repeated under its key at the end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import aiohttp

from tests.chaos.report import say
from tests.chaos.scene import Scene
from tests.systems.waiting import until


@asynccontextmanager
async def steady_load(scene: Scene, *, every: float) -> AsyncIterator[None]:
    """Submit a generation every so many seconds during the block, whatever becomes of the earlier ones."""
    sending = list[asyncio.Task[str]]()
    pace = asyncio.create_task(_submit_for_ever(scene, every, sending))
    try:
        yield
    finally:
        pace.cancel()
        await asyncio.gather(*sending)
        await scene.repeat([task.get_name() for task in sending])


async def _submit_for_ever(scene: Scene, every: float, sending: list[asyncio.Task[str]]) -> None:
    first = len(scene.ids)
    for number in count():
        key = f"{scene.seed}-steady-{first}-{number}"
        sending.append(asyncio.create_task(scene.submit(key), name=key))
        await asyncio.sleep(every)


async def recover(scene: Scene, fault: str) -> None:
    """Measure the seconds until a new submission is accepted and completed."""
    began = time.monotonic()
    key = f"{scene.seed}-recovery-{len(scene.ids)}"
    await scene.submit(key)
    accepted = time.monotonic() - began
    await until(lambda: _is_completed(scene, scene.ids[key]), f"{key} is completed", within=120, every=0.2)
    scene.recoveries.append(time.monotonic() - began)
    say(f"{fault}: accepted after {accepted:.1f} s, completed after {scene.recoveries[-1]:.1f} s")


async def _is_completed(scene: Scene, generation: str) -> bool:
    try:
        async with asyncio.timeout(5):
            resource = await scene.tenant.resource(generation)
    except (AssertionError, aiohttp.ClientError, TimeoutError):
        return False  # the gateway cannot read the store now
    return bool(resource["status"] == "completed")
