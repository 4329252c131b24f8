"""Readers of event streams over raw connections, and the time from append to arrival."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from domain.generation.generation import stream_of
from events.envelope import Cause
from events.event import Event
from events.generation import Example, GenerationRequested, Owner
from events.invocation import GenerationProgressed
from rabbitmq.publisher import Publisher
from store.commits.contract import EventStore

CAUSE = Cause(actor="actor:bench")
ARRIVED = re.compile(rb"^id: (\d+)$", re.MULTILINE)


class Reader(asyncio.Protocol):
    """Reads the event stream of one generation and reports each version."""

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


class Stream:
    """Generations, their events, and the readers of one gateway."""

    def __init__(self, url: str, token: str, owner: Owner, events: EventStore, publisher: Publisher) -> None:
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
        commit = await self._events.append(stream_of(generation), version, [event], cause=CAUSE, time=datetime.now(UTC))
        self._settled[generation, commit.last] = time.perf_counter()
        self._publisher.announce(commit)

    async def progress(self, generation: str, version: int) -> None:
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
