"""Inject faults into a whole system, row by row, and check its invariants: `make chaos`.

    python -m tests.chaos [--rows 1,3,18] [--runs 3] [--seed N]

Prints the seed first and a table last. Exit code 1 when an invariant does not hold.
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
from tests.chaos.scene import ENVIRON, Scene, open_scene
from tests.chaos.table import ROWS
from tests.systems.servers import Servers, database_url, started
from tests.systems.system import System

INVARIANTS = "LDTQWBR"


def main() -> int:
    options = _options()
    configure_logging("chaos", level=logging.WARNING)
    _say(f"seed {options.seed}")
    with (
        tempfile.TemporaryDirectory(prefix="exemplar-chaos-") as folder,
        started(Servers(Path(folder))) as servers,
    ):
        url = database_url(servers.mongod.url, "chaos")
        system = System(Path(folder) / "home", url, servers.rabbit.url, ENVIRON)
        try:
            system.start()
            return asyncio.run(_rows(options, system, servers))
        finally:
            system.close()


async def _rows(options: argparse.Namespace, system: System, servers: Servers) -> int:
    rng = random.Random(options.seed)
    lines, faults = [], 0
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for name in options.rows.split(","):
            async with open_scene(system, servers, session, rng) as scene:
                line, said = await _row(name, options.runs, scene)
            lines.append(line)
            faults += len(said)
    _say("\n".join([f"row  runs  generations  seconds  {'  '.join(INVARIANTS)}  what", *lines]))
    return 1 if faults else 0


async def _row(name: str, runs: int, scene: Scene) -> tuple[str, list[str]]:
    begun = time.monotonic()
    for _ in range(runs):
        await ROWS[name](scene)
    await scene.sandbox.arm()
    verdicts = await scene.verdicts()
    for note in scene.notes:
        _say(f"row {name}: {note}")
    for invariant, text in verdicts.items():
        _say(f"row {name}: {invariant}: {text}")
    marks = "  ".join("!" if invariant in verdicts else "0" for invariant in INVARIANTS)
    spent = time.monotonic() - begun
    what = (ROWS[name].__doc__ or "").partition(": ")[2]
    line = f"{name:3}  {runs:4}  {len(scene.ids):11}  {spent:7.0f}  {marks}  {what}"
    _say(line)
    return line, list(verdicts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Fault injection, and which invariants held."
    )
    parser.add_argument("--rows", default=",".join(ROWS), help=f"rows by comma, of {', '.join(ROWS)}")
    parser.add_argument("--runs", type=int, default=3, help="how often each row is run")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**32))
    options = parser.parse_args()
    unknown = set(options.rows.split(",")) - ROWS.keys()
    if unknown:
        parser.error(f"unknown rows: {', '.join(sorted(unknown))}")
    return options


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
