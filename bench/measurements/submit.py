"""Submissions per second: the gateway alone, nothing behind it, against the peer and the floor."""

import asyncio
from collections.abc import Callable, Sequence

from bench.http import Rate, keep_busy
from bench.options import Options
from bench.report import Row, compared
from bench.servers import Servers
from bench.systems import System, open_floor, open_ours, open_peer
from bench.usage import cpu_ms, mongodb_requests

CLIENTS = 16
PROMPT = "a lighthouse in the rain"


def submit(servers: Servers, options: Options) -> list[Row]:
    """Measure 16 clients on 16 accounts, then on one, in alternating repeats."""
    with (
        open_ours(servers, accounts=CLIENTS, background=False) as ours,
        open_peer(servers, accounts=CLIENTS, background=False) as peer,
        open_floor(servers, accounts=CLIENTS) as floor,
    ):
        return [
            *_compare(servers, options, "submit_peer", ours, peer, accounts=CLIENTS),
            *_compare(servers, options, "submit_one_account", ours, peer, accounts=1),
            *_compare(servers, options, "submit_floor", ours, floor, accounts=CLIENTS),
        ]


def _compare(servers: Servers, options: Options, name: str, ours: System, other: System, *, accounts: int) -> list[Row]:
    rates: dict[str, list[Rate]] = {ours.name: [], other.name: []}
    cost: dict[str, list[float]] = {ours.name: [], other.name: []}
    requests: list[float] = []

    async def repeats() -> None:
        for _ in range(options.repeats):
            for system in (other, ours):
                before = cpu_ms(system.pids.values()), mongodb_requests(servers.mongodb_url(""))
                rate = await _repeat(system, options, accounts)
                rates[system.name].append(rate)
                cost[system.name].append((cpu_ms(system.pids.values()) - before[0]) / len(rate.durations))
                if system is ours:
                    served = mongodb_requests(servers.mongodb_url("")) - before[1]
                    requests.append(served / len(rate.durations))
                await asyncio.sleep(options.settle)
        for system in (ours, other):
            for connection in system.connections.values():
                connection.close()
            system.connections.clear()

    asyncio.run(repeats())
    row = compared(
        name,
        "1/s",
        [rate.per_second for rate in rates[ours.name]],
        [rate.per_second for rate in rates[other.name]],
        other.name,
        p99_ms=_middle([rate.quantile_ms(0.99) for rate in rates[ours.name]]),
        cpu_ms=_middle(cost[ours.name]),
        vs_cpu_ms=_middle(cost[other.name]),
        mongodb_requests=_middle(requests),
    )
    return [row]


async def _repeat(system: System, options: Options, accounts: int) -> Rate:
    requests = [system.submit_request(client % accounts, [options.photo], PROMPT) for client in range(CLIENTS)]

    def caller(client: int) -> Callable[[], object]:
        return lambda: system.submit(client, requests[client])

    return await keep_busy([caller(client) for client in range(CLIENTS)], options.seconds)  # type: ignore[misc]


def _middle(values: Sequence[float]) -> float:
    return round(sorted(values)[len(values) // 2], 2)
