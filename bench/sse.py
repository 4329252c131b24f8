"""Event streams of one gateway process on real servers: memory of a reader, latency, fan-out.

    python -m bench.sse [readers]

Prints JSON lines {"name", "value", "unit"}. A latency is from the return of an append until the frame is at
the client, through RabbitMQ. Gateway, mongod, RabbitMQ and all clients share this machine.
"""

import asyncio
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from actors.subscriptions import QUEUES
from bench.registration import register_user
from bench.sse_readers import Stream
from events.generation import Owner
from exemplar.local.pids import PidFiles
from exemplar.local.ports import Ports
from exemplar.local.processes import Child, Program
from exemplar.local.programs import answers
from rabbitmq.publisher import Publisher
from rabbitmq.topology import topology
from store.adapters import ADAPTERS, open_database
from store.settings import StoreSettings
from tests.systems.servers import Servers, started

ROOT = Path(__file__).parent.parent
OPERATOR = "the operator of a benchmark"
ENVIRONMENT = {
    **dict.fromkeys(("EXEMPLAR_JWT_SECRET", "EXEMPLAR_ID_SECRET", "EXEMPLAR_CALLBACK_SECRET"), "k" * 32),
    "EXEMPLAR_KEY_PEPPERS": json.dumps({"1": "p" * 32}),
    "EXEMPLAR_WEBHOOK_MASTER_KEYS": json.dumps({"1": "m" * 32}),
    "EXEMPLAR_OPERATOR_KEYS": json.dumps([OPERATOR]),
    "EXEMPLAR_STREAM_PER_HOLDER": "100000",
    "EXEMPLAR_STREAM_PER_PROCESS": "100000",
    "EXEMPLAR_MAX_CONNECTIONS": "100000",
    "REPLICATE_API_TOKEN": "r8_nobody",
}
PER_SECOND, SECONDS, REPEATS = 100, 15, 10


def report(name: str, value: float, unit: str) -> None:
    print(json.dumps({"name": f"sse.{name}", "value": round(value, 2), "unit": unit}), flush=True)


def rss_kb(pid: int) -> int:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


def cpu_ms(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) * 1000 / os.sysconf("SC_CLK_TCK")


def report_latencies(name: str, latencies: list[float]) -> None:
    ordered = sorted(latencies)
    for share in (0.5, 0.99):
        report(f"{name}.p{int(share * 100)}", ordered[int(share * (len(ordered) - 1))], "ms")


async def spread(stream: Stream, generations: Sequence[str], versions: dict[str, int]) -> None:
    """Append 100 events a second, each to another generation."""
    stream.latencies.clear()
    began, tasks = time.perf_counter(), []
    for number in range(PER_SECOND * SECONDS):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
        generation = generations[number % len(generations)]
        tasks.append(asyncio.create_task(stream.progress(generation, versions[generation])))
        versions[generation] += 1
    await asyncio.gather(*tasks)
    await asyncio.sleep(3)
    report_latencies("spread", stream.latencies)
    report("spread.lost", PER_SECOND * SECONDS - len(stream.latencies), "events")


async def to_all(stream: Stream, gateway: int, generation: str, readers: int) -> None:
    """Append events that every reader receives; the last reader counts."""
    last, lost, before = [], 0, cpu_ms(gateway)
    for version in range(1, REPEATS + 1):
        stream.latencies.clear()
        await stream.progress(generation, version)
        for _ in range(300):
            await asyncio.sleep(0.01)
            if len(stream.latencies) >= readers:
                break
        lost += readers - len(stream.latencies)
        last.append(max(stream.latencies))
    report("to_all.median_of_last", sorted(last)[REPEATS // 2], "ms")
    report("to_all.worst_of_last", max(last), "ms")
    report("to_all.cpu", (cpu_ms(gateway) - before) / REPEATS, "ms/event")
    report("to_all.lost", lost, "events")


async def measure(stream: Stream, gateway: int, count: int) -> None:
    warm = await stream.read([await stream.generation() for _ in range(200)])
    for reader in warm:
        reader.transport.close()
    await asyncio.sleep(3)
    generations: list[str] = []
    for _ in range(0, count, 100):
        generations += await asyncio.gather(*(stream.generation() for _ in range(100)))
    await asyncio.sleep(2)
    before = rss_kb(gateway)
    readers = await stream.read(generations)
    await asyncio.sleep(3)
    report("memory", (rss_kb(gateway) - before) / len(readers), "kB/reader")
    await spread(stream, generations, dict.fromkeys(generations, 1))
    report("memory.after", (rss_kb(gateway) - before) / len(readers), "kB/reader")
    for reader in readers:
        reader.transport.close()
    await asyncio.sleep(3)
    shared = await stream.generation()
    readers = await stream.read([shared] * count)
    await to_all(stream, gateway, shared, len(readers))


@asynccontextmanager
async def running_gateway(home: Path, mongodb_url: str, amqp_url: str) -> AsyncIterator[tuple[str, int]]:
    """Run the gateway as its own process; yield its address and process id."""
    port = Ports(home / "gateway.json").of("gateway")
    urls = {
        "EXEMPLAR_MONGODB_URL": mongodb_url,
        "EXEMPLAR_AMQP_URL": amqp_url,
        "EXEMPLAR_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    command = (sys.executable, "-m", "exemplar", "gateway")
    log = home / "gateway.log"
    gateway = Child(Program("gateway", command, os.environ | ENVIRONMENT | urls, log), PidFiles(home))
    gateway.start()
    try:
        gateway.wait_until(answers(port), deadline_s=60)
        yield f"http://127.0.0.1:{port}", gateway.pid or 0
    finally:
        await asyncio.to_thread(gateway.stop)


async def run(home: Path, mongodb_url: str, amqp_url: str, count: int) -> None:
    settings = StoreSettings.model_validate({"mongodb_url": mongodb_url})
    publisher = Publisher(amqp_url, topology(QUEUES))
    await publisher.start()
    try:
        async with (
            open_database(settings) as database,
            running_gateway(home, mongodb_url, amqp_url) as (url, pid),
        ):
            user = await register_user(url, OPERATOR)
            token = f"Authorization: Bearer {user['access_token']}"
            owner = Owner(developer="developer", project=user["project_id"], user=user["user_id"])
            report("readers", count, "readers")
            stream = Stream(url, token, owner, ADAPTERS["events"](database), publisher)
            await measure(stream, pid, count)
    finally:
        await publisher.close()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as name, started(Servers(Path(name))) as servers:
        asyncio.run(run(Path(name), servers.mongod.url, servers.rabbit.url, count))


if __name__ == "__main__":
    main()
