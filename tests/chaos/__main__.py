"""Do harm to a whole installation, row by row, and ask the oracles: `make chaos`.

    python -m tests.chaos [--rows 1,3,18] [--runs 3] [--seed N]

Prints the seed first and a table last. Exit code 1 when an oracle found anything.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from exemplar.logging import configure_logging
from tests.chaos.rows import ROWS
from tests.chaos.scene import Scene
from tests.chaos.servers import Servers, servers
from tests.journeys.system import Sandbox, System
from tests.journeys.tenants import make_tenant

LETTERS = "LDTQWBR"


def main() -> int:
    asked = _asked()
    configure_logging("chaos", level=logging.WARNING)
    _say(f"seed {asked.seed}")
    with tempfile.TemporaryDirectory(prefix="exemplar-chaos-") as folder, servers(Path(folder)) as running:
        system = System(Path(folder) / "home", running.mongod.url("chaos"), running.rabbit.url)
        try:
            system.start()
            return asyncio.run(_rows(asked, system, running))
        finally:
            system.close()


async def _rows(asked: argparse.Namespace, system: System, running: Servers) -> int:
    chance = random.Random(asked.seed)
    lines, faults = [], 0
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        sandbox = Sandbox(system.sandbox_url, session)
        for name in asked.rows.split(","):
            tenant = await make_tenant(system, session, "internal")
            scene = Scene(system, running, sandbox, tenant, chance, chance.randrange(2**32))
            line, said = await _row(name, asked.runs, scene)
            lines.append(line)
            faults += len(said)
    _say("\n".join([f"row  runs  generations  seconds  {'  '.join(LETTERS)}  what", *lines]))
    return 1 if faults else 0


async def _row(name: str, runs: int, scene: Scene) -> tuple[str, list[str]]:
    begun = time.monotonic()
    for _ in range(runs):
        await ROWS[name](scene)
    await scene.sandbox.arm()
    verdicts = await scene.verdicts()
    for letter, personal_data in verdicts.items():
        _say(f"row {name}: {letter}: {personal_data}")
    marks = "  ".join("!" if letter in verdicts else "0" for letter in LETTERS)
    spent = time.monotonic() - begun
    what = (ROWS[name].__doc__ or "").partition(": ")[2]
    line = f"{name:3}  {runs:4}  {len(scene.ids):11}  {spent:7.0f}  {marks}  {what}"
    _say(line)
    return line, list(verdicts)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Harm, and what came of it.")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"rows by comma, of {', '.join(ROWS)}")
    parser.add_argument("--runs", type=int, default=3, help="how often each row is run")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**32))
    asked = parser.parse_args()
    unknown = set(asked.rows.split(",")) - ROWS.keys()
    if unknown:
        parser.error(f"no such rows: {', '.join(sorted(unknown))}")
    return asked


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
