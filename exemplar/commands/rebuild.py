"""Commands that check and mend what is derived from the log."""

import asyncio
import json
import sys
from dataclasses import asdict

from actors.settings import TimeoutSettings
from exemplar.environment import read
from exemplar.wiring import now
from store.generations.rebuild import RebuildReport, rebuild
from store.mongo.store import MongoStore
from store.settings import StoreSettings


def rebuild_rows(*, check: bool, as_json: bool) -> int:
    """Compare every row with the log and mend it, or only check: then 1 tells of a difference."""
    report = asyncio.run(_rebuild(repair=not check))
    sys.stdout.write((json.dumps(asdict(report)) if as_json else _told(report, check=check)) + "\n")
    return 1 if check and report.differing else 0


async def _rebuild(*, repair: bool) -> RebuildReport:
    store = MongoStore.open(read(StoreSettings), holder="rebuild", clock=now)
    try:
        timeouts = read(TimeoutSettings).timeouts
        return await rebuild(store.events, store.personal_data, store.projection, timeouts, repair=repair)
    finally:
        store.close()


def _told(report: RebuildReport, *, check: bool) -> str:
    done = "differ from the log" if check else "differed from the log and were mended"
    lines = [f"{report.streams} generations, {report.rows} rows, {len(report.differing)} {done}"]
    return "\n".join([*lines, *(f"  {name}" for name in report.differing[:20])])
