"""Whole generations, submitted together, until the last is completed; and their cost."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.options import Options
from bench.progress import say
from bench.report import Row, compared, repeated
from bench.servers import Servers
from bench.systems import System, open_ours, open_peer
from bench.usage import Cost, Meter, costs, stored_bytes

ACCOUNTS = 16


def pipeline(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure generations with one photograph and with three, in alternating repeats."""
    with (
        open_ours(servers, accounts=ACCOUNTS, background=True) as ours,
        open_peer(servers, accounts=ACCOUNTS, background=True) as peer,
    ):
        for name, images in (("pipeline_one", [options.photo]), ("pipeline_three", options.photos)):
            yield from _compare(servers, options, name, (ours, peer), images)


def _compare(
    servers: Servers, options: Options, name: str, systems: tuple[System, System], images: list[bytes]
) -> Iterator[Row]:
    rates = defaultdict[str, list[float]](list)
    spent = defaultdict[str, list[Cost]](list)
    url = servers.mongodb_url(systems[0].database)
    stored = stored_bytes(url)
    for number in range(options.repeats + 1):  # the first warms up
        for system in reversed(systems):
            meter = Meter(servers, system, deliveries=True)
            seconds = asyncio.run(whole_generations(system, images, options.count))
            time.sleep(options.settle)  # what follows a completion belongs to it
            cost = meter.cost(options.count)
            say(f"{name}: repeat {number} of {options.repeats}, {system.name} {options.count / seconds:.1f}/s")
            if number:
                rates[system.name].append(options.count / seconds)
                spent[system.name].append(cost)
    mine, theirs = spent["ours"], spent["peer"]
    grown = {kind: size - stored.get(kind, 0) for kind, size in stored_bytes(url).items()}
    kept = {kind: size // (options.count * (options.repeats + 1)) for kind, size in sorted(grown.items())}
    more = costs(mine, theirs) | {"stored_bytes": {kind: size for kind, size in kept.items() if size >= 10}}
    yield compared(name, "1/s", rates["ours"], rates["peer"], "peer", **more)
    yield compared(f"{name}_cpu", "ms", [cost.cpu for cost in mine], [cost.cpu for cost in theirs], "peer")
    requests = [round(cost.mongodb_requests, 1) for cost in mine]
    yield repeated(f"{name}_requests", "", requests, vs_requests=[round(cost.mongodb_requests, 1) for cost in theirs])


async def whole_generations(system: System, images: list[bytes], count: int) -> float:
    """Submit `count` generations over 16 connections and wait for all; return the seconds."""
    numbers = iter(range(count))
    accepted: list[tuple[int, str]] = []
    began = time.perf_counter()

    async def client(account: int) -> None:
        request = system.submit_request(account, images, "a lighthouse in the rain")
        accepted.extend([(account, await system.submit(account, request)) for _ in numbers])

    await asyncio.gather(*map(client, range(len(system.accounts))))
    await asyncio.gather(*(system.finished(account, generation, pause=0.1) for account, generation in accepted[-16:]))
    for account, generation in accepted:
        await system.finished(account, generation)
    seconds = time.perf_counter() - began
    system.disconnect()
    return seconds
