"""Processes that fold ranges of the log at the same time; each has a connection of its own."""

import asyncio
import gc
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.generation.lifecycle import Timeouts
from exemplar.clock import now
from exemplar.injection import Dependencies
from store.adapters import ADAPTERS, open_database
from store.commits.stream_range import StreamRange
from store.fork_server import end_with_parent, fork_server
from store.replay.range_comparison import RangeComparison, RangeReport
from store.replay.stream_ranges import RANGE_COMMITS, StreamRanges
from store.settings import StoreSettings

MOST_PROCESSES: Final = 8
WORTH_PROCESSES: Final = 20_000
"""So many commits are folded in the time that a process needs to start."""

_AT_ONCE: Final = 1000
_GARBAGE_THRESHOLDS: Final = 100_000, 20, 50
"""Folding makes many objects and hardly a cycle: collections took an eighth of the time and found nothing."""


@dataclass(frozen=True, slots=True)
class ReplayProcesses:
    """Fold the log in `count` processes; what comes out does not depend on their number."""

    stream_ranges: StreamRanges
    store_settings: StoreSettings
    timeouts: Timeouts
    webhook_retention: timedelta
    count: int
    range_commits: int = RANGE_COMMITS

    async def reports(
        self, last: int, since: datetime, on_read: Callable[[int], None], *, compare: bool
    ) -> AsyncIterator[RangeReport]:
        """Report all ranges in their order; a few are under way at a time, so that memory stays constant."""
        given = (self.store_settings, {"timeouts": self.timeouts, "webhook_retention": self.webhook_retention})
        server = fork_server(__name__)
        processes = ProcessPoolExecutor(self.count, mp_context=server, initializer=_start, initargs=given)
        loop, ahead, commits = asyncio.get_running_loop(), deque[asyncio.Future[RangeReport]](), 0
        try:
            async for within in self.stream_ranges.all(self.range_commits):
                ahead.append(loop.run_in_executor(processes, _report, last, since, within, compare))
                if len(ahead) > 2 * self.count:
                    yield (part := await ahead.popleft())
                    on_read(commits := commits + part.commits)
            while ahead:
                yield (part := await ahead.popleft())
                on_read(commits := commits + part.commits)
        finally:
            processes.shutdown(wait=False, cancel_futures=True)


async def processes_for(stream_ranges: StreamRanges) -> int:
    """Choose how many processes read a log: one for each core, for a short log only this one."""
    commits = await stream_ranges.count()
    return min(os.cpu_count() or 1, MOST_PROCESSES) if commits >= WORTH_PROCESSES else 1


class _Worker:
    """The event loop and the store of one process, which end with it."""

    def __init__(self, store_settings: StoreSettings, given: Mapping[str, object]) -> None:
        self._runner, self._open = asyncio.Runner(), AsyncExitStack()
        database = self._runner.run(self._open.enter_async_context(open_database(store_settings.of_reader)))
        values = {**given, "commits_at_once": _AT_ONCE}
        store = Dependencies(ADAPTERS, database=database, holder="replay", clock=now, **values)
        self._comparison: RangeComparison = store.call(RangeComparison)

    def report(self, last: int, since: datetime, within: StreamRange, *, compare: bool) -> RangeReport:
        return self._runner.run(self._comparison.whole(last, since, within, compare=compare))


_of_this_process: dict[str, Any] = {}


def _start(store_settings: StoreSettings, given: Mapping[str, object]) -> None:
    end_with_parent()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    _of_this_process["worker"] = _Worker(store_settings, given)


def _report(last: int, since: datetime, within: StreamRange, compare: bool) -> RangeReport:
    report: RangeReport = _of_this_process["worker"].report(last, since, within, compare=compare)
    return report
