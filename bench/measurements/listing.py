"""Lists of 20 finished generations per second."""

import asyncio
from collections.abc import Iterator

from bench.http import Rate
from bench.measurements.pipeline import whole_generations
from bench.measurements.status import reads
from bench.options import Options
from bench.progress import say
from bench.report import Row, middle, repeated
from bench.servers import Servers
from bench.systems import System, open_ours
from bench.usage import Cost, Meter, costs
from domain.paths import GENERATIONS

CLIENTS = 8
LIST = f"{GENERATIONS}?page_size=20"


def listing(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure 8 clients on 8 accounts, each with 25 finished generations."""
    with open_ours(servers, accounts=CLIENTS, background=True) as ours:
        asyncio.run(whole_generations(ours, [options.thumbnail], 25 * CLIENTS))
        rates, spent = list[Rate](), list[Cost]()
        for number in range(options.repeats):
            meter = Meter(servers, ours)
            rates.append(asyncio.run(lists(ours, options)))
            spent.append(meter.cost(len(rates[-1].durations)))
            say(f"list: repeat {number + 1} of {options.repeats}, {rates[-1].per_second:.0f}/s")
        p50 = middle([rate.quantile_ms(0.5) for rate in rates])
        yield repeated("list", "1/s", [rate.per_second for rate in rates], p50_ms=p50, **costs(spent))


async def lists(system: System, options: Options) -> Rate:
    """Read lists from 8 clients without a pause."""
    requests = [system.read_request(client % len(system.accounts), LIST) for client in range(CLIENTS)]
    return await reads(system, requests, options.seconds)
