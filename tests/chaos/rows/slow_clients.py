"""Hundreds of slow clients of one tenant, while another uses the system."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import aiohttp

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, OURS, Scene
from tests.chaos.slow_clients import slow_clients
from tests.systems.system import System
from tests.systems.tenants import ONE, Tenant

OF_EACH_KIND = 160
REQUESTS, AT_ONCE = 600, 4
MOST_MIB = 150
SETTLING_S = 5.0


async def crowd(scene: Scene) -> None:
    """22: 480 slow readers, uploads and streams, a silent receiver, of one tenant; then SIGTERM to every process."""
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))  # another client address than the slow ones have
    async with aiohttp.ClientSession(connector=connector) as session:
        neighbour = replace(scene.tenant, session=session)
        await scene.submit(f"{scene.seed}-{len(scene.ids)}")
        alone, before = await _p99(neighbour, scene), _memory(scene.system)
        async with slow_clients(scene, OF_EACH_KIND) as clients:
            await asyncio.sleep(SETTLING_S)
            beside, more = await _p99(neighbour, scene), _memory(scene.system) - before
            scene.notes.append(
                f"p99 {alone * 1000:.0f} ms alone, {beside * 1000:.0f} ms beside {dict(clients.open)}, +{more} MiB"
            )
            async with scene.load(LOAD):
                for name in OURS:
                    codes = await scene.system.terminate(name)
                    scene.require(codes == {name: 0}, f"ended with {codes}")
                    await scene.system.restart(name)
    scene.require(beside < 2 * alone, f"p99 of the neighbour: {alone:.3f} s alone, {beside:.3f} s beside slow clients")
    scene.require(more < MOST_MIB, f"the gateway grew by {more} MiB")


async def _p99(tenant: Tenant, scene: Scene) -> float:
    """Return the 99th percentile of the seconds that reading a status takes."""
    path, spent = f"{ONE}/{next(iter(scene.ids.values()))}", list[float]()

    async def read() -> None:
        for _ in range(REQUESTS // AT_ONCE):
            began = time.monotonic()
            answer = await tenant.get(path)
            spent.append(time.monotonic() - began)
            scene.require(answer.status == 200, f"the neighbour was answered {answer.status}")

    await asyncio.gather(*(read() for _ in range(AT_ONCE)))
    return sorted(spent)[len(spent) * 99 // 100]


def _memory(system: System) -> int:
    """Return the resident memory of the gateway in MiB."""
    status = Path(f"/proc/{system.pid('gateway')}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1024


ROWS: Mapping[str, Row] = {
    "22": crowd,
}
