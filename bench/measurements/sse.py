"""Event streams of one gateway process: memory of a reader, latency, one event to all.

A latency is from the return of an append until the frame is at the client, through RabbitMQ.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from actors.subscriptions import QUEUES
from bench.options import Options
from bench.progress import say
from bench.registration import register_user
from bench.report import Row, quantile, spread
from bench.servers import Servers
from bench.sse_readers import Reader, Stream
from bench.systems import OPERATOR_KEY, System, open_ours
from bench.usage import cpu_ms, rss_kb
from events.generation import Owner
from rabbitmq.publisher import Publisher
from rabbitmq.topology import topology
from store.adapters import ADAPTERS, open_database
from store.settings import StoreSettings

SETTINGS = dict.fromkeys(
    (
        "EXEMPLAR_STREAM_PER_HOLDER",
        "EXEMPLAR_STREAM_PER_DEVELOPER",
        "EXEMPLAR_STREAM_PER_PROCESS",
        "EXEMPLAR_MAX_CONNECTIONS_PER_ADDRESS",
    ),
    "100000",
)
PER_SECOND, SECONDS, TO_ALL = 100, 10, 10
CHUNK = 100


def sse(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure readers of different generations, then readers of one."""
    with open_ours(servers, accounts=0, background=False, settings=SETTINGS) as ours:
        rows = asyncio.run(_measure(servers, ours, options))
    yield from rows


async def _measure(servers: Servers, system: System, options: Options) -> list[Row]:
    async with _stream(servers, system) as stream:
        gateway = system.pids["gateway"]
        await _warm_up(stream)
        generations = await _generations(stream, options.readers)
        before = rss_kb(gateway)
        readers = await stream.read(generations)
        await asyncio.sleep(3)
        say(f"sse: {len(readers)} readers are connected")
        memory = (rss_kb(gateway) - before) / len(readers)
        latencies = await _steady(stream, generations)
        after = (rss_kb(gateway) - before) / len(readers)
        _close(readers)
        await asyncio.sleep(3)
        shared = await stream.generation()
        readers = await stream.read([shared] * options.readers)
        say("sse: all readers read one generation")
        last, cpu = await _to_all(stream, gateway, shared, len(readers))
        _close(readers)
    lost = PER_SECOND * SECONDS - len(latencies)
    return [
        Row("sse_memory", memory, "kB", more={"readers": options.readers, "after_events_kb": round(after, 1)}),
        Row("sse_p99", quantile(latencies, 0.99), "ms", more={"p50": round(quantile(latencies, 0.5), 1), "lost": lost}),
        Row("sse_to_all", quantile(last, 0.5), "ms", more={"spread": spread(last), "cpu_ms": round(cpu, 1)}),
    ]


@asynccontextmanager
async def _stream(servers: Servers, system: System) -> AsyncIterator[Stream]:
    """Open the log and a publisher beside the gateway, and register the user whose events are read."""
    url = servers.mongodb_url(system.database)
    queues = topology(QUEUES, f"{system.database}.")
    publisher = Publisher(servers.rabbitmq.url, queues)
    await publisher.start()
    try:
        async with open_database(StoreSettings.model_validate({"mongodb_url": url})) as database:
            user = await register_user(system.url, OPERATOR_KEY)
            token = f"Authorization: Bearer {user['access_token']}"
            owner = Owner(developer="developer", project=user["project_id"], user=user["user_id"])
            yield Stream(system.url, token, owner, ADAPTERS["events"](database), publisher)
    finally:
        await publisher.close()


async def _warm_up(stream: Stream) -> None:
    _close(await stream.read([await stream.generation() for _ in range(200)]))
    await asyncio.sleep(2)


async def _generations(stream: Stream, count: int) -> list[str]:
    made: list[str] = []
    while len(made) < count:
        made += await asyncio.gather(*(stream.generation() for _ in range(min(CHUNK, count - len(made)))))
    await asyncio.sleep(2)
    return made


async def _steady(stream: Stream, generations: Sequence[str]) -> list[float]:
    """Append 100 events a second, each to another generation; return the latencies."""
    stream.latencies.clear()
    began, versions, tasks = time.perf_counter(), dict.fromkeys(generations, 1), list[asyncio.Task[None]]()
    for number in range(PER_SECOND * SECONDS):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
        generation = generations[number % len(generations)]
        tasks.append(asyncio.create_task(stream.progress(generation, versions[generation])))
        versions[generation] += 1
    await asyncio.gather(*tasks)
    await asyncio.sleep(2)
    return list(stream.latencies)


async def _to_all(stream: Stream, gateway: int, generation: str, readers: int) -> tuple[list[float], float]:
    """Append events that every reader receives; return when the last had each, and the CPU (ms) of an event."""
    last, before = list[float](), cpu_ms([gateway])
    for version in range(1, TO_ALL + 1):
        stream.latencies.clear()
        await stream.progress(generation, version)
        for _ in range(500):
            await asyncio.sleep(0.01)
            if len(stream.latencies) >= readers:
                break
        assert len(stream.latencies) == readers, f"{readers - len(stream.latencies)} readers received nothing"
        last.append(max(stream.latencies))
    return last, (cpu_ms([gateway]) - before) / TO_ALL


def _close(readers: Sequence[Reader]) -> None:
    for reader in readers:
        reader.transport.close()
