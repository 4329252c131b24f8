"""Submissions per second: the gateway alone, nothing behind it, against the peer and the floor."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator

from bench.http import Rate, keep_busy
from bench.options import Options
from bench.progress import say
from bench.report import Row, compared, middle
from bench.servers import Servers
from bench.systems import System, open_floor, open_ours, open_peer
from bench.usage import Cost, Meter, costs

CLIENTS = 16
PROMPT = "a lighthouse in the rain"


def submit(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure 16 clients on 16 accounts, then on one, in alternating repeats."""
    with (
        open_ours(servers, accounts=CLIENTS, background=False) as ours,
        open_peer(servers, accounts=CLIENTS, background=False) as peer,
        open_floor(servers, accounts=CLIENTS) as floor,
    ):
        yield _compare(servers, options, "submit_peer", ours, peer, accounts=CLIENTS)
        yield _compare(servers, options, "submit_one_account", ours, peer, accounts=1)
        yield _compare(servers, options, "submit_floor", ours, floor, accounts=CLIENTS)


def _compare(servers: Servers, options: Options, name: str, ours: System, other: System, *, accounts: int) -> Row:
    rates = defaultdict[str, list[Rate]](list)
    spent = defaultdict[str, list[Cost]](list)
    for number in range(options.repeats):
        for system in (other, ours):
            meter = Meter(servers, system)
            rate = asyncio.run(submissions(system, options, accounts))
            spent[system.name].append(meter.cost(len(rate.durations)))
            rates[system.name].append(rate)
            say(f"{name}: repeat {number + 1} of {options.repeats}, {system.name} {rate.per_second:.0f}/s")
            time.sleep(options.settle)
    mine, theirs = rates[ours.name], rates[other.name]
    return compared(
        name,
        "1/s",
        [rate.per_second for rate in mine],
        [rate.per_second for rate in theirs],
        other.name,
        p99_ms=middle([rate.quantile_ms(0.99) for rate in mine]),
        vs_p99_ms=middle([rate.quantile_ms(0.99) for rate in theirs]),
        **costs(spent[ours.name], spent[other.name]),
    )


async def submissions(system: System, options: Options, accounts: int) -> Rate:
    """Submit from 16 clients without a pause."""
    requests = [system.submit_request(client % accounts, [options.photo], PROMPT) for client in range(CLIENTS)]

    def caller(client: int) -> Callable[[], Awaitable[object]]:
        return lambda: system.submit(client, requests[client])

    rate = await keep_busy([caller(client) for client in range(CLIENTS)], options.seconds)
    system.disconnect()
    return rate
