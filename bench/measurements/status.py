"""Status reads per second on different generations, against the peer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bench.http import Answer, Rate, keep_busy
from bench.options import Options
from bench.report import Row, compared
from bench.servers import Servers
from bench.systems import System, open_ours, open_peer

ACCOUNTS = 16


def status(servers: Servers, options: Options) -> list[Row]:
    """Measure 16 clients on 16 generations and 64 on 64, in alternating repeats."""
    with (
        open_ours(servers, accounts=ACCOUNTS, background=False) as ours,
        open_peer(servers, accounts=ACCOUNTS, background=False) as peer,
    ):
        return [_compare(options, ours, peer, clients) for clients in (16, 64)]


def _compare(options: Options, ours: System, peer: System, clients: int) -> Row:
    rates: dict[str, list[Rate]] = {ours.name: [], peer.name: []}

    async def repeats() -> None:
        calls = {system.name: await _calls(system, options, clients) for system in (ours, peer)}
        for _ in range(options.repeats):
            for system in (peer, ours):
                rates[system.name].append(await keep_busy(calls[system.name], options.seconds))
        for system in (ours, peer):
            system.connections.clear()

    asyncio.run(repeats())
    mine, theirs = rates[ours.name], rates[peer.name]
    return compared(
        f"status_{clients}",
        "1/s",
        [rate.per_second for rate in mine],
        [rate.per_second for rate in theirs],
        "peer",
        p99_ms=round(mine[-1].quantile_ms(0.99), 1),
    )


async def _calls(system: System, options: Options, clients: int) -> list[Callable[[], Awaitable[Any]]]:
    calls = []
    for client in range(clients):
        account = client % ACCOUNTS
        request = system.submit_request(account, [options.photo], "a lighthouse")
        generation = await system.submit(client, request)
        calls.append(_caller(system, client, system.read_request(account, system.status_path.format(generation))))
    return calls


def _caller(system: System, client: int, request: bytes) -> Callable[[], Awaitable[Answer]]:
    return lambda: system.read(client, request)
