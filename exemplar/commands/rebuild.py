"""Rebuild the projected rows of generations and the sums of usage from the log."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from actors.settings import TimeoutSettings
from exemplar.commands.store_access import run_on_store
from exemplar.environment import read
from store.generations.rebuild import RebuildReport, rebuild
from store.quota.usage_recount import recount_usage


def rebuild_rows(*, check: bool, as_json: bool) -> int:
    """Compare every row and sum with the log and repair it, or only `check`; return 1 for a difference."""
    timeouts = read(TimeoutSettings).timeouts
    report = run_on_store(partial(rebuild, timeouts=timeouts, repair=not check), holder="rebuild")
    sums = run_on_store(partial(recount_usage, repair=not check), holder="rebuild")
    found = json.dumps(asdict(report) | {"sums": sums}) if as_json else _text(report, sums, check=check)
    sys.stdout.write(found + "\n")
    return 1 if check and (report.differing or sums) else 0


def _text(report: RebuildReport, sums: Sequence[str], *, check: bool) -> str:
    done = "differ from the log" if check else "differed from the log and were repaired"
    lines = [
        f"{report.streams} generations, {report.rows} rows, {len(report.differing)} {done}",
        *(f"  {name}" for name in report.differing[:20]),
        f"{len(sums)} sums of usage {done}",
        *(f"  {name}" for name in sums[:20]),
    ]
    return "\n".join(lines)
