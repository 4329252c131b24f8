"""A lean HTTP/1.1 client: prepared bytes over kept-alive connections, so that the load costs little."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

BOUNDARY = "----exemplar-bench"


@dataclass(frozen=True)
class Answer:
    """Status and body of one response."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request_bytes(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Prepare a whole request."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    fields = {"Host": parts.netloc, **headers, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body


def submission(images: list[bytes], instructions: str) -> tuple[dict[str, str], bytes]:
    """Prepare the headers and the body of a multipart submission."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="example_images"; filename="{number}.jpg"\r\n'
        f"Content-Type: image/jpeg\r\n\r\n".encode()
        + image
        + b"\r\n"
        for number, image in enumerate(images)
    ]
    text = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="instructions"\r\n\r\n{instructions}\r\n'
    body = b"".join(parts) + text.encode() + f"--{BOUNDARY}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body


class Connection:
    """One kept-alive connection; one request at a time, others wait."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._free = asyncio.Lock()

    async def send(self, request: bytes) -> Answer:
        """Send a prepared request and read the whole response; connects when needed.

        A server may close a connection that was idle between two repeats: then the request is sent again.
        """
        async with self._free:
            reused = self._writer is not None and not self._writer.is_closing()
            try:
                return await self._exchange(request)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.close()
                if not reused:
                    raise
            return await self._exchange(request)

    async def _exchange(self, request: bytes) -> Answer:
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=2**24)
        assert self._reader is not None
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lowered = head.lower()
        length = lowered.partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await self._reader.readexactly(int(length)) if length.strip() else b""
        if b"connection: close" in lowered:
            self.close()
        return Answer(status, body)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def connection_to(url: str) -> Connection:
    """Make a connection to the host of a URL; it opens at its first request."""
    parts = urlsplit(url)
    return Connection(parts.hostname or "127.0.0.1", parts.port or 80)


@dataclass(frozen=True)
class Rate:
    """Completed calls and their durations (seconds, sorted)."""

    seconds: float
    durations: list[float]

    @property
    def per_second(self) -> float:
        return len(self.durations) / self.seconds

    def quantile_ms(self, share: float) -> float:
        if not self.durations:
            return 0.0
        return self.durations[min(len(self.durations) - 1, int(share * len(self.durations)))] * 1000


async def keep_busy(calls: list[Callable[[], Awaitable[object]]], seconds: float) -> Rate:
    """Run one client per call: each starts its next call as soon as the last has ended."""
    durations: list[float] = []
    began = time.perf_counter()

    async def client(call: Callable[[], Awaitable[object]]) -> None:
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            await call()
            durations.append(time.perf_counter() - start)

    await asyncio.gather(*map(client, calls))
    return Rate(time.perf_counter() - began, sorted(durations))
