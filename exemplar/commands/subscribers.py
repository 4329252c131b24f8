"""Who follows the log, how far they have come, and what they had to set aside."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from actors.jobs.subscribers import SUBSCRIBERS
from events.envelope import format_time
from exemplar.environment import read
from exemplar.wiring import now
from store.log.parking import Parked
from store.mongo.store import MongoStore
from store.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class SubscribersReport:
    """The last position of the sealed order, each follower's, and what is parked (at most 1,000)."""

    head: int
    positions: dict[str, int]
    parked: Sequence[Parked]


def show_subscribers(*, as_json: bool) -> int:
    """Print the report; 1 while anything is parked."""
    report = asyncio.run(_report())
    sys.stdout.write((json.dumps(asdict(report), default=format_time) if as_json else _told(report)) + "\n")
    return 1 if report.parked else 0


async def _report() -> SubscribersReport:
    store = MongoStore.open(read(StoreSettings), holder="followers", clock=now)
    try:
        positions = {name: await store.subscribers.position(name) for name in SUBSCRIBERS}
        return SubscribersReport(await store.log.head(), positions, await store.parking.all())
    finally:
        store.close()


def _told(report: SubscribersReport) -> str:
    lines = [f"{name:12}  {position} of {report.head}" for name, position in report.positions.items()]
    lines += [
        f"parked: {one.subscriber} at {one.position}, commit {one.commit}: {one.error}, {one.tries} tries,"
        f" again at {format_time(one.due_at)}"
        for one in report.parked
    ]
    return "\n".join(lines)
