"""From the recorded submission to the recorded completion, at a steady rate, with a provider that answers at once.

The times are those that the systems store: frequent polling would measure itself.
"""

import asyncio
import time
from datetime import datetime

from bench.options import Options
from bench.report import Row
from bench.servers import Servers
from bench.systems import System, open_ours, open_peer

RATES = (2, 20)
ACCOUNTS = 16


def added_latency(servers: Servers, options: Options) -> list[Row]:
    """Measure the median and the 99th percentile at 2/s and at 20/s."""
    with (
        open_ours(servers, accounts=ACCOUNTS, background=True) as ours,
        open_peer(servers, accounts=ACCOUNTS, background=True) as peer,
    ):
        for system in (peer, ours):
            asyncio.run(_run(system, options, rate=5, count=10))
        rows = []
        for rate in RATES:
            count = min(rate * 15, 200)
            theirs = asyncio.run(_run(peer, options, rate=rate, count=count))
            mine = asyncio.run(_run(ours, options, rate=rate, count=count))
            rows += [_row(rate, "p50", 0.5, mine, theirs), _row(rate, "p99", 0.99, mine, theirs)]
        return rows


def _row(rate: int, label: str, share: float, mine: list[float], theirs: list[float]) -> Row:
    value, base = _quantile(mine, share), _quantile(theirs, share)
    return Row(f"added_latency_{rate}_{label}", value, "ms", f"peer {base:.0f}", value / base)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


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
    system.connections.clear()
    return durations
