"""From the recorded submission to the recorded completion, at a steady rate, with a provider that answers at once.

The times are those that the systems store: frequent polling would measure itself.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from bench.options import Options
from bench.progress import say
from bench.report import Row, compared, quantile
from bench.servers import Servers
from bench.systems import System, open_ours, open_peer

RATES = (2, 20)
ACCOUNTS = 16
SECONDS_FACTOR = 2.5
"""A steady rate needs longer rounds: at 2/s a round has few generations."""


def added_latency(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure the median and the 99th percentile at 2/s and at 20/s; the percentiles are of all repeats."""
    with (
        open_ours(servers, accounts=ACCOUNTS, background=True) as ours,
        open_peer(servers, accounts=ACCOUNTS, background=True) as peer,
    ):
        for system in (peer, ours):
            asyncio.run(_run(system, options, rate=5, count=10))
        for rate in RATES:
            yield from _compare(options, ours, peer, rate)


def _compare(options: Options, ours: System, peer: System, rate: int) -> Iterator[Row]:
    measured = defaultdict[str, list[list[float]]](list)
    for number in range(options.repeats):
        for system in (peer, ours):
            count = round(rate * options.seconds * SECONDS_FACTOR)
            found = asyncio.run(_run(system, options, rate=rate, count=count))
            measured[system.name].append(found)
            say(f"added_latency_{rate}: repeat {number + 1}, {system.name} p50 {quantile(found, 0.5):.0f} ms")
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        mine = [quantile(found, share) for found in measured["ours"]]
        theirs = [quantile(found, share) for found in measured["peer"]]
        generations = sum(map(len, measured["ours"]))
        yield compared(f"added_latency_{rate}_{label}", "ms", mine, theirs, "peer", generations=generations)


async def _run(system: System, options: Options, *, rate: int, count: int) -> list[float]:
    began, durations = time.perf_counter(), list[float]()
    requests = [system.submit_request(account, [options.photo], "a lighthouse") for account in range(ACCOUNTS)]

    async def one(number: int) -> None:
        account = number % ACCOUNTS
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        generation = await system.submit(account, requests[account])
        found = await system.finished(account, generation, pause=0.5)
        elapsed = datetime.fromisoformat(found["completed_at"]) - datetime.fromisoformat(found["created_at"])
        durations.append(elapsed.total_seconds() * 1000)

    await asyncio.gather(*map(one, range(count)))
    system.disconnect()
    return durations
