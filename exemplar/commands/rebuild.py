"""Rebuild the projected rows of generations from the log."""

import json
import sys
from dataclasses import asdict
from functools import partial

from actors.settings import TimeoutSettings
from exemplar.commands.store_access import run_on_store
from exemplar.environment import read
from store.generations.rebuild import RebuildReport, rebuild


def rebuild_rows(*, check: bool, as_json: bool) -> int:
    """Compare every row with the log and repair it, or only `check`; return exit code 1 for a difference."""
    timeouts = read(TimeoutSettings).timeouts
    report = run_on_store(partial(rebuild, timeouts=timeouts, repair=not check), holder="rebuild")
    sys.stdout.write((json.dumps(asdict(report)) if as_json else _text(report, check=check)) + "\n")
    return 1 if check and report.differing else 0


def _text(report: RebuildReport, *, check: bool) -> str:
    done = "differ from the log" if check else "differed from the log and were repaired"
    lines = [f"{report.streams} generations, {report.rows} rows, {len(report.differing)} {done}"]
    return "\n".join([*lines, *(f"  {name}" for name in report.differing[:20])])
