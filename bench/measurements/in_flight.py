"""Many generations that process at once: what they add to the memory and the threads of our processes.

The sandbox is told to end all predictions at about one time, after the last has begun.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.http import connection_to, request_bytes
from bench.log_reader import Commits, completions, open_commits, started
from bench.measurements.pipeline import ACCOUNTS, whole_generations
from bench.options import Options
from bench.progress import say
from bench.report import Row
from bench.servers import SANDBOX_TOKEN, Servers
from bench.systems import System, open_ours
from bench.usage import process_tree, rss_kb, threads

WARM_UP = 400
MARGIN_SECONDS = 10.0


@dataclass(frozen=True)
class Footprint:
    """Resident memory (MB) and threads of gateway, worker and scheduler with their children."""

    memory: float
    threads: int


def in_flight(servers: Servers, options: Options) -> Iterator[Row]:
    """Submit all while the first still process; compare with the footprint after a warm-up."""
    settings = {"EXEMPLAR_START_MINUTES": "60", "EXEMPLAR_FINISH_MINUTES": "120"}
    with (
        open_ours(servers, accounts=ACCOUNTS, background=True, settings=settings) as ours,
        open_commits(servers.mongodb_url(ours.database)) as commits,
    ):
        warm_up = min(WARM_UP, options.in_flight)
        seconds = asyncio.run(whole_generations(ours, [options.thumbnail], warm_up))
        began, before = datetime.now(UTC), _footprint(ours)
        # To begin takes less than to end, which the rate of the warm-up includes.
        end = time.monotonic() + options.in_flight * seconds / warm_up + MARGIN_SECONDS
        say(f"in_flight: {warm_up / seconds:.0f}/s while warming up")
        asyncio.run(_submit(servers, ours, options, end))
        begun = _wait_for_start(commits, options.in_flight + warm_up, end) - warm_up
        at_once = begun - len(completions(commits, began))
        during = _footprint(ours)
        say(f"in_flight: {at_once} process at once")
        missing = _wait_for_end(commits, began, options.in_flight, end + 180 + options.in_flight / 20)
    note = {"at_once": at_once, "before_mb": round(before.memory), "generations": options.in_flight}
    yield Row("in_flight_memory", during.memory - before.memory, "MB", more=note)
    yield Row("in_flight_threads", during.threads - before.threads, "", more={"before": before.threads})
    yield Row("in_flight_incomplete", missing, "")


def _footprint(system: System) -> Footprint:
    tree = process_tree(system.pids.values())
    return Footprint(sum(map(rss_kb, tree)) / 1024, sum(map(threads, tree)))


async def _submit(servers: Servers, system: System, options: Options, end: float) -> None:
    """Submit from 16 connections; each prediction lasts until `end`."""
    numbers = iter(range(options.in_flight))
    requests = [system.submit_request(account, [options.thumbnail], "a lighthouse") for account in range(ACCOUNTS)]

    async def client(account: int) -> None:
        for _ in numbers:
            await system.submit(account, requests[account])

    async def arm() -> None:
        while True:
            await _arm(servers, max(0.0, end - time.monotonic()))
            await asyncio.sleep(1)

    arming = asyncio.create_task(arm())
    try:
        await asyncio.gather(*map(client, range(ACCOUNTS)))
        say(f"in_flight: all submitted, {end - time.monotonic():.0f} s before the first ends")
    finally:
        arming.cancel()
        system.disconnect()


async def _arm(servers: Servers, seconds: float) -> None:
    """Tell the sandbox how long the next predictions last."""
    headers = {"Authorization": f"Bearer {SANDBOX_TOKEN}", "Content-Type": "application/json"}
    body = f'{{"latency_s": {seconds:.1f}}}'.encode()
    connection = connection_to(servers.sandbox_url)
    answer = await connection.send(request_bytes("POST", f"{servers.sandbox_url}/_sandbox/faults", headers, body))
    connection.close()
    assert answer.status == 200, answer.body


def _wait_for_start(commits: Commits, count: int, end: float) -> int:
    """Wait until `count` have started, or a moment before the first of them ends; return how many have."""
    while (found := started(commits)) < count and time.monotonic() < end - 2:
        time.sleep(1)
    return found


def _wait_for_end(commits: Commits, since: datetime, count: int, deadline: float) -> int:
    """Wait for the completions; return how many are missing at the deadline."""
    while (missing := count - len(completions(commits, since))) and time.monotonic() < deadline:
        time.sleep(2)
    return missing
