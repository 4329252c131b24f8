"""Submissions per second: the gateway alone, nothing behind it, against the peer and the floor."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence

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
    """Measure 16 clients on 16 accounts, then on one, in alternating repeats; then one with thousands of open slots."""
    with (
        open_ours(servers, accounts=CLIENTS + options.repeats, background=False) as ours,
        open_peer(servers, accounts=CLIENTS, background=False) as peer,
        open_floor(servers, accounts=CLIENTS) as floor,
    ):
        yield _compare(servers, options, "submit_peer", ours, peer, range(CLIENTS))
        yield _compare(servers, options, "submit_one_account", ours, peer, [0])
        yield _compare_accounts(ours, options)
        yield _compare(servers, options, "submit_floor", ours, floor, range(CLIENTS))


def _compare_accounts(ours: System, options: Options) -> Row:
    """Compare the account that has most open generations with one that has none, another in each repeat."""
    many, none = list[float](), list[float]()
    for number in range(options.repeats):
        for account, rates in ((CLIENTS + number, none), (0, many)):
            rates.append(asyncio.run(submissions(ours, options, [account])).per_second)
            say(f"submit_open: repeat {number + 1} of {options.repeats}, {rates[-1]:.0f}/s")
            time.sleep(options.settle)
    return compared("submit_open", "1/s", many, none, "none open")


def _compare(
    servers: Servers, options: Options, name: str, ours: System, other: System, accounts: Sequence[int]
) -> Row:
    rates = defaultdict[str, list[Rate]](list)
    spent = defaultdict[str, list[Cost]](list)
    for number in range(options.repeats + 1):  # the first warms up
        for system in (other, ours):
            meter = Meter(servers, system)
            rate = asyncio.run(submissions(system, options, accounts))
            if number:
                spent[system.name].append(meter.cost(len(rate.durations)))
                rates[system.name].append(rate)
            say(f"{name}: repeat {number} of {options.repeats}, {system.name} {rate.per_second:.0f}/s")
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


async def submissions(system: System, options: Options, accounts: Sequence[int]) -> Rate:
    """Submit from 16 clients without a pause, who share these accounts."""
    shared = [accounts[client % len(accounts)] for client in range(CLIENTS)]
    requests = [system.submit_request(account, [options.photo], PROMPT) for account in shared]

    def caller(client: int) -> Callable[[], Awaitable[object]]:
        return lambda: system.submit(client, requests[client])

    rate = await keep_busy([caller(client) for client in range(CLIENTS)], options.seconds)
    system.disconnect()
    return rate
