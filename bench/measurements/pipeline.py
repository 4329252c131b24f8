"""Whole generations, submitted together, until the last is completed; and their cost."""

import asyncio
import time

from bench.options import Options
from bench.report import Row, compared
from bench.servers import Servers
from bench.systems import System, open_ours, open_peer
from bench.usage import cpu_ms, mongodb_requests

ACCOUNTS = 16
SHARED = ("mongod", "rabbitmq", "sandbox")


def pipeline(servers: Servers, options: Options) -> list[Row]:
    """Measure generations with one photograph and with three, in alternating repeats."""
    with (
        open_ours(servers, accounts=ACCOUNTS, background=True) as ours,
        open_peer(servers, accounts=ACCOUNTS, background=True) as peer,
    ):
        return [
            _compare(servers, options, "pipeline_one", ours, peer, [options.photo]),
            _compare(servers, options, "pipeline_three", ours, peer, options.photos),
        ]


def _compare(servers: Servers, options: Options, name: str, ours: System, peer: System, images: list[bytes]) -> Row:
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    cost: dict[str, list[float]] = {"ours": [], "peer": []}
    served: dict[str, list[float]] = {"ours": [], "peer": []}
    parts: dict[str, dict[str, float]] = {}
    for number in range(options.repeats + 1):  # the first warms up
        for system in (peer, ours):
            groups = {**system.pids, **servers.pids}
            before = {part: cpu_ms([pid]) for part, pid in groups.items()}
            requests = mongodb_requests(servers.mongodb_url(""))
            seconds = asyncio.run(_repeat(system, images, options.count))
            time.sleep(options.settle)  # what follows a completion belongs to it
            spent = {part: (cpu_ms([pid]) - before[part]) / options.count for part, pid in groups.items()}
            if number == 0:
                continue
            rates[system.name].append(options.count / seconds)
            cost[system.name].append(sum(spent.values()))
            served[system.name].append((mongodb_requests(servers.mongodb_url("")) - requests) / options.count)
            parts[system.name] = {part: round(value, 1) for part, value in spent.items()}
    return compared(
        name,
        "1/s",
        rates["ours"],
        rates["peer"],
        "peer",
        cpu_ms=round(sorted(cost["ours"])[len(cost["ours"]) // 2], 1),
        vs_cpu_ms=round(sorted(cost["peer"])[len(cost["peer"]) // 2], 1),
        mongodb_requests=round(min(served["ours"]), 1),
        vs_mongodb_requests=round(min(served["peer"]), 1),
        parts=parts["ours"],
        vs_parts=parts["peer"],
    )


async def _repeat(system: System, images: list[bytes], count: int) -> float:
    """Submit `count` generations over 16 connections and wait for all; return the seconds."""
    numbers = iter(range(count))
    accepted: list[tuple[int, str]] = []
    began = time.perf_counter()

    async def client(account: int) -> None:
        request = system.submit_request(account, images, "a lighthouse in the rain")
        accepted.extend([(account, await system.submit(account, request)) for _ in numbers])

    await asyncio.gather(*map(client, range(ACCOUNTS)))
    await asyncio.gather(*(system.finished(account, generation, pause=0.1) for account, generation in accepted[-16:]))
    for account, generation in accepted:
        await system.finished(account, generation)
    seconds = time.perf_counter() - began
    for connection in system.connections.values():
        connection.close()
    system.connections.clear()
    return seconds
