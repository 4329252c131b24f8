"""Hundreds of clients of one tenant that take or send a few bytes a second, and come again when they are cut off."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from domain.paths import PROJECT_EVENTS
from tests.chaos.scene import Scene
from tests.gateway.http.slow_reader import large_example
from tests.systems.tenants import SUBMIT, Tenant, make_tenant, small
from tests.systems.webhook_receiver import silent_server

BUFFER = 16 * 1024
TRICKLE = b"x" * 16
AGAIN_S = 0.5


@dataclass
class SlowClients:
    """What the slow clients of a tenant have open, by kind."""

    tenant: Tenant
    open: Counter[str] = field(default_factory=Counter)

    async def read(self, kind: str, request: bytes) -> None:
        """Send a request and read a byte of its answer a second."""
        await self._again(kind, request, reads=True)

    async def upload(self, request: bytes) -> None:
        """Begin an upload and send a few bytes of it a second."""
        await self._again("upload", request, reads=False)

    async def _again(self, kind: str, request: bytes, *, reads: bool) -> None:
        url = urlsplit(self.tenant.base_url)
        while True:
            with socket.socket() as connection, suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                connection.setblocking(False)
                await asyncio.get_running_loop().sock_connect(connection, (url.hostname, url.port))
                await asyncio.get_running_loop().sock_sendall(connection, request)
                self.open[kind] += 1
                try:
                    await _trickle(connection, reads=reads)
                finally:
                    self.open[kind] -= 1
            await asyncio.sleep(AGAIN_S)


async def _trickle(connection: socket.socket, *, reads: bool) -> None:
    """Take or send a few bytes a second until the connection ends."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(1)
        if not reads:
            await loop.sock_sendall(connection, TRICKLE)
        elif not await loop.sock_recv(connection, 1):
            return


@asynccontextmanager
async def slow_clients(scene: Scene, count: int) -> AsyncIterator[SlowClients]:
    """Keep `count` of each kind: picture readers, uploads, event streams; webhooks go to a receiver that is silent."""
    tenant = await make_tenant(scene.system, scene.tenant.session, "internal")
    link = urlsplit(await large_example(tenant))
    clients = SlowClients(tenant)
    async with silent_server() as receiver:
        for _ in range(min(count, 16)):
            await _request_with_webhook(tenant, receiver.url)
        picture, stream, upload = _head("GET", f"{link.path}?{link.query}"), _stream(tenant), _upload(tenant)
        tasks = [asyncio.create_task(clients.read("picture", picture)) for _ in range(count)]
        tasks += [asyncio.create_task(clients.read("stream", stream)) for _ in range(count)]
        tasks += [asyncio.create_task(clients.upload(upload)) for _ in range(count)]
        try:
            yield clients
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


def _head(method: str, target: str, **headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: gateway", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _stream(tenant: Tenant) -> bytes:
    path = PROJECT_EVENTS.format(project_id=tenant.project)
    return _head("GET", path, Accept="text/event-stream", **tenant.headers)


def _upload(tenant: Tenant) -> bytes:
    length = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(8 * 1024 * 1024)}
    part = b"--x\r\nContent-Disposition: form-data; name=example_images; filename=a.jpg\r\n\r\n"
    return _head("POST", SUBMIT, **length, **tenant.headers) + part


async def _request_with_webhook(tenant: Tenant, url: str) -> None:
    form = aiohttp.FormData({"webhook": url, "instructions": '{"prompt": "a slow receiver"}'})
    form.add_field("example_images", small(), filename="a.jpg", content_type="image/jpeg")
    async with tenant.session.post(tenant.base_url + SUBMIT, data=form, headers=tenant.headers) as answer:
        assert answer.status == 202, await answer.text()
