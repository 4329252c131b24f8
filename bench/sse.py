"""Event streams of one gateway process on real servers: memory of a reader, latency, one event for all.

    python bench/sse.py [readers]

Prints JSON lines {"name", "value", "unit"}. A latency is from the moment an append has returned until the
frame is at the client; it includes the way through RabbitMQ. Gateway, mongod, RabbitMQ and all clients share
this machine.
"""

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from actors.subscriptions import QUEUES
from domain.generation.generation import stream_of
from events.envelope import Cause
from events.event import Event
from events.generation import Example, GenerationProgressed, GenerationRequested, Owner
from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from exemplar.local.rabbitmq_node import RabbitNode, RabbitPorts
from rabbitmq.publisher import Publisher
from rabbitmq.topology import topology
from store.commits.mongo import MongoEventStore
from store.mongo.connection import connect
from store.mongo.replica_set import initiate_replica_set
from store.settings import StoreSettings

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
CAUSE = Cause(actor="actor:bench")
PER_SECOND, SECONDS, ROUNDS = 100, 15, 10
ARRIVED = re.compile(rb"^id: (\d+)$", re.MULTILINE)


class Reader(asyncio.Protocol):
    """One reader of one generation, which notes when each version arrives."""

    def __init__(self, generation: str, head: bytes, note: Callable[[str, int], None]) -> None:
        self._generation, self._head, self._note = generation, head, note
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self._head)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if b"event: caught_up" in data and not self.ready.done():
            self.ready.set_result(None)
            return
        for version in ARRIVED.findall(data):
            self._note(self._generation, int(version))

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("refused"))


class Bench:
    def __init__(
        self, url: str, token: str, owner: Owner, events: MongoEventStore, publisher: Publisher
    ) -> None:
        self._host, port = url.removeprefix("http://").split(":")
        self._port = int(port)
        self._token, self._owner = token, owner
        self._events, self._publisher = events, publisher
        self._settled: dict[tuple[str, int], float] = {}
        self.latencies: list[float] = []

    async def generation(self) -> str:
        generation, now = str(uuid4()), datetime.now(UTC)
        example = Example(digest="a" * 64, content_type="image/jpeg", width=9, height=9, size=9)
        first = GenerationRequested(
            owner=self._owner,
            personal_data="w",
            fingerprint="f",
            idempotent=False,
            examples=(example,),
            period="2026-11",
            tier="internal",
            start_by=now,
            finish_by=now,
        )
        await self._append(generation, 0, first)
        return generation

    async def _append(self, generation: str, version: int, event: Event) -> None:
        commit = await self._events.append(
            stream_of(generation), version, [event], cause=CAUSE, time=datetime.now(UTC)
        )
        self._settled[generation, commit.last] = time.perf_counter()
        self._publisher.announce(commit)

    async def happen(self, generation: str, version: int) -> None:
        await self._append(generation, version, GenerationProgressed(percent=version % 100))

    def note(self, generation: str, version: int) -> None:
        now = time.perf_counter()
        self.latencies.append((now - self._settled.get((generation, version), now)) * 1000)

    async def read(self, generations: Sequence[str]) -> list[Reader]:
        readers: list[Reader] = []
        for start in range(0, len(generations), 100):
            opened = [self._reader(generation) for generation in generations[start : start + 100]]
            readers += await asyncio.gather(*opened)
        return readers

    async def _reader(self, generation: str) -> Reader:
        path = f"/api/v1/generation/generations-v2/{generation}/events?after=1"
        head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n{self._token}\r\n\r\n"
        loop = asyncio.get_running_loop()
        _, reader = await loop.create_connection(
            lambda: Reader(generation, head.encode(), self.note), self._host, self._port
        )
        await reader.ready
        return reader


def say(name: str, value: float, unit: str) -> None:
    print(json.dumps({"name": f"sse.{name}", "value": round(value, 2), "unit": unit}), flush=True)


def rss_kb(pid: int) -> int:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


def cpu_ms(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) * 1000 / os.sysconf("SC_CLK_TCK")


def tell(name: str, latencies: list[float]) -> None:
    ordered = sorted(latencies)
    for share in (0.5, 0.99):
        say(f"{name}.p{int(share * 100)}", ordered[int(share * (len(ordered) - 1))], "ms")


async def spread(bench: Bench, generations: Sequence[str], versions: dict[str, int]) -> None:
    """Let 100 events a second happen, each in another generation."""
    bench.latencies.clear()
    began, tasks = time.perf_counter(), []
    for number in range(PER_SECOND * SECONDS):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
        generation = generations[number % len(generations)]
        tasks.append(asyncio.create_task(bench.happen(generation, versions[generation])))
        versions[generation] += 1
    await asyncio.gather(*tasks)
    await asyncio.sleep(3)
    tell("spread", bench.latencies)
    say("spread.lost", PER_SECOND * SECONDS - len(bench.latencies), "events")


async def to_all(bench: Bench, gateway: int, generation: str, readers: int) -> None:
    """Let one event happen that everybody reads; the last one counts."""
    last, lost, before = [], 0, cpu_ms(gateway)
    for version in range(1, ROUNDS + 1):
        bench.latencies.clear()
        await bench.happen(generation, version)
        for _ in range(300):
            await asyncio.sleep(0.01)
            if len(bench.latencies) >= readers:
                break
        lost += readers - len(bench.latencies)
        last.append(max(bench.latencies))
    say("to_all.median_of_last", sorted(last)[ROUNDS // 2], "ms")
    say("to_all.worst_of_last", max(last), "ms")
    say("to_all.cpu", (cpu_ms(gateway) - before) / ROUNDS, "ms/event")
    say("to_all.lost", lost, "events")


async def measure(bench: Bench, gateway: int, count: int) -> None:
    warm = await bench.read([await bench.generation() for _ in range(200)])
    for reader in warm:
        reader.transport.close()
    await asyncio.sleep(3)
    generations: list[str] = []
    for _ in range(0, count, 100):
        generations += await asyncio.gather(*(bench.generation() for _ in range(100)))
    await asyncio.sleep(2)
    before = rss_kb(gateway)
    readers = await bench.read(generations)
    await asyncio.sleep(3)
    say("memory", (rss_kb(gateway) - before) / len(readers), "kB/reader")
    await spread(bench, generations, dict.fromkeys(generations, 1))
    say("memory.after", (rss_kb(gateway) - before) / len(readers), "kB/reader")
    for reader in readers:
        reader.transport.close()
    await asyncio.sleep(3)
    everybody = await bench.generation()
    readers = await bench.read([everybody] * count)
    await to_all(bench, gateway, everybody, len(readers))


@asynccontextmanager
async def product(home: Path, mongodb_url: str, amqp_url: str) -> AsyncIterator[tuple[str, int]]:
    """Run the gateway as its own process; yield its address and process id."""
    port = Ports(home / "gateway.json").of("gateway")
    urls = {
        "EXEMPLAR_MONGODB_URL": mongodb_url,
        "EXEMPLAR_AMQP_URL": amqp_url,
        "EXEMPLAR_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    env = os.environ | ENVIRONMENT | urls
    with (home / "gateway.log").open("wb") as log:
        command = [sys.executable, str(ROOT / "exemplar/cli.py"), "gateway"]
        child = subprocess.Popen(command, env=env, stdout=log, stderr=log)  # noqa: ASYNC220
        try:
            while b'"listening"' not in (home / "gateway.log").read_bytes():
                assert child.poll() is None, (home / "gateway.log").read_text()
                await asyncio.sleep(0.1)
            yield f"http://127.0.0.1:{port}", child.pid
        finally:
            child.terminate()
            child.wait(30)


async def account(url: str) -> tuple[str, Owner]:
    """Register a developer and an end user; return his authorization line and who he is."""
    async with aiohttp.ClientSession() as session:

        async def register(headers: dict[str, str], **more: str) -> dict[str, Any]:
            body = {"email": f"{uuid4()}@example.com", "password": "correct horse battery", **more}
            async with session.post(f"{url}/api/v1/auth/register", json=body, headers=headers) as answer:
                return dict(await answer.json())

        given = (await register({"X-Operator-Key": OPERATOR}, tier="internal"))["provisioning"]
        keys = {
            "X-Developer-Key": given["developer_key"],
            "X-Project-ID": given["project_id"],
            "X-API-Key": given["api_key"],
        }
        user = await register(keys)
    owner = Owner(developer="developer", project=given["project_id"], user=user["id"])
    return f"Authorization: Bearer {user['access_token']}", owner


async def run(home: Path, mongodb_url: str, amqp_url: str, count: int) -> None:
    settings = StoreSettings.model_validate({"mongodb_url": mongodb_url})
    database = connect(settings)
    publisher = Publisher(amqp_url, topology(QUEUES), lambda _: None)
    await publisher.start()
    try:
        async with product(home, mongodb_url, amqp_url) as (url, pid):
            token, owner = await account(url)
            say("readers", count, "readers")
            await measure(Bench(url, token, owner, MongoEventStore(database), publisher), pid, count)
    finally:
        await publisher.close()
        database.client.close()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        free = Ports(home / "ports.json")
        mongod = Mongod(home, Ports(home / "mongod.json").of("mongod"), os.environ)
        ports = RabbitPorts(*(free.of(each) for each in ("amqp", "distribution", "epmd", "management")))
        rabbit = RabbitNode(home, ports, os.environ, password="bench", definitions=None)
        try:
            mongod.launch()
            rabbit.launch()
            mongod.wait_ready(initiate_replica_set)
            rabbit.wait_ready()
            asyncio.run(run(home, mongod.url(), rabbit.url, count))
        finally:
            rabbit.stop()
            mongod.child.stop()


if __name__ == "__main__":
    main()
