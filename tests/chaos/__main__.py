"""Inject faults into a whole system, row by row, and check its invariants: `make chaos`.

    python -m tests.chaos [--rows 1,3,18] [--runs 3 | --full] [--minutes 30] [--seed N] [--save FILE]

Prints the seed first and a table last, also when it is interrupted. Exit code 1 when an invariant does not hold.
"""

import asyncio
import logging
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import groupby

from exemplar.logging import configure_logging
from tests.chaos.options import Options, read_options
from tests.chaos.report import Report, Result, say
from tests.chaos.scene import Scene
from tests.chaos.stage import Stage, opened_stage
from tests.chaos.table import ON_CLUSTER, ROWS
from tests.systems.network import can_make_hosts

MOST_GENERATIONS = 1000
"""Beyond that a row gets a new system: every check reads the whole log."""


def main() -> int:
    options = read_options()
    configure_logging("chaos", level=logging.WARNING)
    say(f"seed {options.seed}")
    report = Report(options.seed, options.save)
    try:
        asyncio.run(_rows(options, report))
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        code = report.finish()
    return code


async def _rows(options: Options, report: Report) -> None:
    rng = random.Random(options.seed)
    for on_cluster, rows in groupby(options.rows, lambda row: row in ON_CLUSTER):
        if on_cluster and not can_make_hosts():
            say("row 21 needs network namespaces: root, and the programs ip and nsenter")
            continue
        await _on_one_kind(list(rows), options, report, rng, cluster=on_cluster)


async def _on_one_kind(
    rows: Sequence[str], options: Options, report: Report, rng: random.Random, *, cluster: bool
) -> None:
    """Run rows on one system, on a new one after a row that failed or that left a long log."""
    stage: Stage | None = None
    async with AsyncExitStack() as stack:
        for row in rows:
            if stage is None or stage.is_damaged or stage.generations > MOST_GENERATIONS:
                await stack.aclose()
                stage = await stack.enter_async_context(opened_stage(cluster=cluster))
                report.versions = report.versions or stage.versions()
            async with stage.scene(rng, options.minutes) as scene:
                await _row(row, options, report, stage, scene)


async def _row(name: str, options: Options, report: Report, stage: Stage, scene: Scene) -> None:
    began, kills, done = time.monotonic(), scene.kills, 0
    broken: dict[str, str] = {}
    try:
        for _ in range(options.runs_of(name)):
            await ROWS[name](scene)
            done += 1
        await scene.sandbox.arm()
        broken |= await scene.verdicts()
    except asyncio.CancelledError:
        broken["run"] = "interrupted before its invariants were checked"
        raise
    except Exception as fault:  # noqa: BLE001 - one row that fails does not stop the others
        broken["run"] = repr(fault)[:300]
    finally:
        what = (ROWS[name].__doc__ or "").partition(": ")[2]
        spent = time.monotonic() - began
        killed = scene.kills - kills
        notes = [text for text in (scene.summary, *scene.notes) if text]
        report.add(Result(name, what, done, len(scene.ids), killed, spent, broken, notes))
        stage.is_damaged |= bool(broken)
        stage.generations += len(scene.ids)


if __name__ == "__main__":
    sys.exit(main())
