"""Status reads per second on different generations, against the peer."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence

from bench.http import Rate, keep_busy
from bench.options import Options
from bench.progress import say
from bench.report import Row, compared, middle
from bench.servers import Servers
from bench.systems import System, open_ours, open_peer
from bench.usage import Cost, Meter, costs

ACCOUNTS = 16


def status(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure 16 clients on 16 generations and 64 on 64, in alternating repeats."""
    with (
        open_ours(servers, accounts=ACCOUNTS, background=False) as ours,
        open_peer(servers, accounts=ACCOUNTS, background=False) as peer,
    ):
        for clients in (16, 64):
            yield _compare(servers, options, ours, peer, clients)


def _compare(servers: Servers, options: Options, ours: System, peer: System, clients: int) -> Row:
    rates = defaultdict[str, list[Rate]](list)
    spent = defaultdict[str, list[Cost]](list)
    requests = {system.name: asyncio.run(_prepare(system, options, clients)) for system in (ours, peer)}
    for number in range(options.repeats):
        for system in (peer, ours):
            meter = Meter(servers, system)
            rate = asyncio.run(reads(system, requests[system.name], options.seconds))
            spent[system.name].append(meter.cost(len(rate.durations)))
            rates[system.name].append(rate)
            say(f"status_{clients}: repeat {number + 1} of {options.repeats}, {system.name} {rate.per_second:.0f}/s")
    mine, theirs = rates[ours.name], rates[peer.name]
    return compared(
        f"status_{clients}",
        "1/s",
        [rate.per_second for rate in mine],
        [rate.per_second for rate in theirs],
        "peer",
        p99_ms=middle([rate.quantile_ms(0.99) for rate in mine]),
        vs_p99_ms=middle([rate.quantile_ms(0.99) for rate in theirs]),
        **costs(spent[ours.name], spent[peer.name]),
    )


async def _prepare(system: System, options: Options, clients: int) -> list[bytes]:
    """Submit a generation for each client; return the requests of their status."""
    requests = []
    for client in range(clients):
        account = client % ACCOUNTS
        generation = await system.submit(client, system.submit_request(account, [options.photo], "a lighthouse"))
        requests.append(system.read_request(account, system.status_path.format(generation)))
    system.disconnect()
    return requests


async def reads(system: System, requests: Sequence[bytes], seconds: float) -> Rate:
    """Send each request from a client of its own, without a pause."""
    rate = await keep_busy([system.reader(client, request) for client, request in enumerate(requests)], seconds)
    system.disconnect()
    return rate
