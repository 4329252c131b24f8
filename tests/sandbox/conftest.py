import asyncio
import base64
import io
import random
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image, ImageDraw
from replicate.client import Client

from sandbox.app import create_app
from sandbox.settings import SandboxSettings
from tests.builders.clock import Clock

VERSION = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
TOKEN = "r8_test"


@dataclass
class Sandbox:
    """A sandbox on a real socket and the clients that talk to it."""

    url: str
    clock: Clock
    client: Client
    http: httpx.AsyncClient

    async def arm(self, **faults: Any) -> None:
        answer = await self.http.post("/_sandbox/faults", json=faults)
        assert answer.status_code == 200, answer.text

    async def post(self, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        whole = {
            "version": VERSION,
            "input": {"prompt": "a cat", "seed": 7, "width": 64, "height": 64},
        } | body
        return await self.http.post("/v1/predictions", json=whole, headers=headers)

    async def finished(self, id_: str) -> dict[str, Any]:
        """Poll until a prediction has ended."""
        while True:
            body: dict[str, Any] = (await self.http.get(f"/v1/predictions/{id_}")).json()
            if body["status"] not in {"starting", "processing"}:
                return body
            await asyncio.sleep(0.02)

    async def creations(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await self.http.get("/_sandbox/creations")).json()["creations"]
        return listed


@dataclass
class Hook:
    """One webhook as it arrived."""

    headers: dict[str, str]
    body: str
    json: dict[str, Any]


@dataclass
class Receiver:
    """A server that takes webhooks and answers with the given statuses, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        async with self.arrived:
            self.hooks.append(Hook(dict(request.headers), await request.text(), await request.json()))
            self.arrived.notify_all()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    async def until(self, count: int) -> list[Hook]:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.hooks) >= count)
        return self.hooks

    async def until_final(self) -> list[Hook]:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: self.hooks and self.hooks[-1].json["completed_at"])
        return self.hooks


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/hook", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings(token=TOKEN, boot_seconds=0.01, predict_seconds=0.05)


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """Load the certificates once: each client would take 30 ms for it."""
    return ssl.create_default_context()


@pytest.fixture
async def sandbox(settings: SandboxSettings, tls: ssl.SSLContext) -> AsyncIterator[Sandbox]:
    clock = Clock.running()
    app = create_app(settings, clock=clock, random=random.Random(1))
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        transport = httpx.AsyncHTTPTransport(verify=tls)
        client = Client(api_token=TOKEN, base_url=url, transport=transport)
        client.poll_interval = 0.02
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20, verify=tls) as http:
            yield Sandbox(url, clock, client, http)


@pytest.fixture
def version() -> str:
    return VERSION


@pytest.fixture
def photo() -> Callable[..., bytes]:
    """Draw a small landscape and return its bytes."""

    def draw(size: tuple[int, int] = (160, 120), format_: str = "JPEG") -> bytes:
        picture = Image.linear_gradient("L").resize(size).convert("RGB")
        ImageDraw.Draw(picture).ellipse((20, 20, 90, 90), fill=(220, 90, 40))
        out = io.BytesIO()
        picture.save(out, format_)
        return out.getvalue()

    return draw


@pytest.fixture
def data_uri(photo: Callable[..., bytes]) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(photo()).decode()
