"""Twice the load that can be served: what is completed meanwhile, and whether anything is lost.

The rate is that of the second half of the overload; its peak is the best window of ten seconds in it.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bench.log_reader import Commits, completions, open_commits
from bench.measurements.pipeline import ACCOUNTS, whole_generations
from bench.options import Options
from bench.progress import say
from bench.report import Row
from bench.servers import Servers
from bench.systems import System, open_ours

CONNECTIONS = 64
WINDOW = timedelta(seconds=10)


def overload(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure the rate that can be served, offer twice as much, then wait for all that was accepted."""
    with (
        open_ours(servers, accounts=ACCOUNTS, background=True) as ours,
        open_commits(servers.mongodb_url(ours.database)) as commits,
    ):
        asyncio.run(whole_generations(ours, [options.photo], options.count // 2))
        served = options.count / asyncio.run(whole_generations(ours, [options.photo], options.count))
        say(f"overload: {served:.1f}/s can be served")
        began = datetime.now(UTC)
        accepted = asyncio.run(_offer(ours, options, 2 * served))
        ended = datetime.now(UTC)
        say(f"overload: {accepted} accepted in {(ended - began).total_seconds():.0f} s")
        times = _drained(commits, began, accepted)
    during = [time for time in times if time <= ended]
    half = began + (ended - began) / 2
    rate = sum(time > half for time in during) / (ended - half).total_seconds()
    peak = best_window(during, WINDOW)
    note = {
        "served_alone": round(served, 1),
        "offered": round(2 * served, 1),
        "accepted": round(accepted / (ended - began).total_seconds(), 1),
        "drained_s": round((times[-1] - ended).total_seconds()) if times else 0,
    }
    yield Row("overload", rate, "1/s", f"peak {peak:.1f}", rate / peak if peak else None, note)
    yield Row("overload_lost", accepted - len(times), "")


def best_window(times: Sequence[datetime], window: timedelta) -> float:
    """Return the highest rate (1/s) of sorted times in any window that begins at one of them."""
    best, first = 0, 0
    for last, moment in enumerate(times):
        while moment - times[first] >= window:
            first += 1
        best = max(best, last - first + 1)
    return best / window.total_seconds()


async def _offer(system: System, options: Options, rate: float) -> int:
    """Submit at a steady rate; each accepted one counts. What is refused with 429 or 503 is not lost."""
    requests = [system.submit_request(account, [options.photo], "a lighthouse") for account in range(ACCOUNTS)]
    began, accepted, numbers = time.perf_counter(), 0, iter(range(round(rate * options.overload_seconds)))

    async def client(connection: int) -> None:
        nonlocal accepted
        for number in numbers:
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            if time.perf_counter() > began + options.overload_seconds:
                return
            answer = await system.connection(connection).send(requests[number % ACCOUNTS])
            assert answer.status in {202, 429, 503}, (answer.status, answer.body[:200])
            accepted += answer.status == 202

    await asyncio.gather(*map(client, range(CONNECTIONS)))
    system.disconnect()
    return accepted


def _drained(commits: Commits, since: datetime, count: int) -> Sequence[datetime]:
    """Wait until `count` generations are completed, at most until nothing has moved for a minute."""
    times, moved = completions(commits, since), time.monotonic()
    while len(times) < count and time.monotonic() < moved + 60:
        time.sleep(2)
        found = completions(commits, since)
        moved, times = (time.monotonic() if len(found) > len(times) else moved), found
    return times
