"""How far each catch-up subscriber has come, and which commits are parked or wait for their position."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from actors.jobs.subscribers import SUBSCRIBERS
from events.envelope import format_time
from exemplar.commands.store_access import run_on_store
from store.log.parking import Parked, Parking
from store.log.sealed_log import SealedLog
from store.log.subscriptions import SubscriberCheckpoints

_SEALED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SubscribersReport:
    """The last position of the sealed log, each subscriber's position, the parked commits (at most 1,000).

    unsealed: commits that wait for a position for over a minute (at most 1,000).
    """

    head: int
    positions: dict[str, int]
    parked: Sequence[Parked]
    unsealed: Sequence[str]


def show_subscribers(*, home: Path | None, as_json: bool) -> int:
    """Print the report; return exit code 1 while a commit is parked or waits for its position."""
    report = run_on_store(report_subscribers, home=home, holder="subscribers")
    text = json.dumps(asdict(report), default=format_time) if as_json else _text(report)
    sys.stdout.write(text + "\n")
    return 1 if report.parked or report.unsealed else 0


async def report_subscribers(
    sealed_log: SealedLog,
    subscriptions: SubscriberCheckpoints,
    parking: Parking,
    clock: Callable[[], datetime],
) -> SubscribersReport:
    """Read the report from the store."""
    unsealed = await sealed_log.unsealed(clock() - _SEALED_WITHIN, limit=1000)
    positions = {name: await subscriptions.position(name) for name in SUBSCRIBERS}
    return SubscribersReport(await sealed_log.head(), positions, await parking.all(), unsealed)


def _text(report: SubscribersReport) -> str:
    lines = [f"{name:12}  {position} of {report.head}" for name, position in report.positions.items()]
    lines += [
        f"parked: {one.subscriber} at {one.position}, commit {one.commit}: {one.error}, {one.tries} tries,"
        f" again at {format_time(one.due_at)}"
        for one in report.parked
    ]
    lines += [f"without a position for over a minute: {commit}" for commit in report.unsealed]
    return "\n".join(lines)
