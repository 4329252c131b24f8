"""Rebuild the projected rows of generations and the sums of usage from the log."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from actors.settings import TimeoutSettings
from exemplar.commands.output import print_json
from exemplar.commands.store_access import open_store
from exemplar.commands.unreadable import Unreadable
from exemplar.environment import read
from store.commits.unreadable import OnUnreadable
from store.generations.rebuild import RebuildReport, rebuild
from store.quota.usage_recount import recount_usage


def rebuild_rows(*, check: bool, home: Path | None, as_json: bool) -> int:
    """Compare every row and sum with the log and repair it, or only `check`; return the exit code.

    It is 1 for a difference that remains, 3 when a stream could not be read.
    """
    unreadable = Unreadable()
    report, sums = asyncio.run(_rebuild(home, unreadable.add, repair=not check))
    if as_json:
        print_json(asdict(report) | {"sums": sums, "unreadable": unreadable.as_json()})
    else:
        sys.stdout.write("\n".join([*_lines(report, sums, check=check), *unreadable.lines()]) + "\n")
    return unreadable.exit_code(1 if check and (report.differing or sums) else 0)


async def _rebuild(
    home: Path | None, on_unreadable: OnUnreadable, *, repair: bool
) -> tuple[RebuildReport, Sequence[str]]:
    rows = partial(rebuild, timeouts=read(TimeoutSettings).timeouts, repair=repair, on_unreadable=on_unreadable)
    sums = partial(recount_usage, repair=repair, on_unreadable=on_unreadable)
    async with open_store(home, holder="rebuild") as store:
        return await store.call(rows), await store.call(sums)


def _lines(report: RebuildReport, sums: Sequence[str], *, check: bool) -> list[str]:
    done = "differ from the log" if check else "differed from the log and were repaired"
    return [
        f"{report.streams} generations, {report.rows} rows, {len(report.differing)} {done}",
        *(f"  {name}" for name in report.differing[:20]),
        f"{len(sums)} sums of usage {done}",
        *(f"  {name}" for name in sums[:20]),
    ]
