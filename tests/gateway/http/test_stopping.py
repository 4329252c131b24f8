"""A real gateway process that stops: in bounded time, and every request is answered or refused."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.gateway.http.slow_reader import large_example, reader
from tests.systems.databases import Databases
from tests.systems.system import UNREACHABLE, System, opened_system
from tests.systems.tenants import Tenant, make_tenant
from tests.systems.waiting import until


@pytest.fixture(scope="module")
def opened(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("gateway"), databases, UNREACHABLE) as system:
        yield system


@pytest.fixture
def system(opened: System) -> System:
    """A gateway alone, started anew for each test."""
    opened.start("gateway")
    return opened


@pytest.fixture
async def tenant(system: System, session: aiohttp.ClientSession) -> Tenant:
    return await make_tenant(system, session, "internal")


async def stopped(system: System) -> float:
    """Send SIGTERM; return the seconds until the gateway has ended, with exit code 0."""
    began = time.monotonic()
    assert await system.terminate("gateway") == {"gateway": 0}
    return time.monotonic() - began


async def test_readers_that_do_not_read_are_cut_off(system: System, tenant: Tenant) -> None:
    link = await large_example(tenant)
    with ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(reader(link))
        for _ in range(6):
            stack.enter_context(reader(f"{system.base_url}/openapi.json"))
        await asyncio.sleep(1)  # so that they are being answered
        assert await stopped(system) < 14


async def test_a_stream_is_told_goodbye_and_a_wait_is_answered(system: System, tenant: Tenant) -> None:
    generation = await tenant.accepted()
    path = f"{system.base_url}/api/v1/generation/generations-v2/{generation}/events"
    headers = {"Authorization": tenant.headers["Authorization"]}
    version = (await tenant.resource(generation))["version"]
    async with tenant.session.get(path, headers=headers | {"Accept": "text/event-stream"}) as stream:
        waiting = asyncio.create_task(tenant.get(f"{path}?after={version}&wait=30"))
        await asyncio.sleep(1)  # so that both wait
        ending = asyncio.create_task(stopped(system))
        assert b'event: goodbye\ndata: {"reason":"shutdown"}' in await stream.read()
        assert (await waiting).status == 200
        assert await ending < 5


async def test_an_upload_that_does_not_end_is_answered(system: System, tenant: Tenant) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"--x\r\nContent-Disposition: form-data; name=example_images; filename=a\r\n\r\n"
        while True:
            yield bytes(2048)
            await asyncio.sleep(0.2)

    url = f"{system.base_url}/api/v1/generation/generate-v2"
    headers = {**tenant.headers, "Content-Type": "multipart/form-data; boundary=x"}
    sending = asyncio.create_task(tenant.session.post(url, data=body(), headers=headers))
    await asyncio.sleep(0.5)
    ending = asyncio.create_task(stopped(system))
    answer = await sending
    assert (answer.status, (await answer.json())["code"]) == (503, "server_busy")
    assert await ending < 14


async def test_requests_that_arrive_while_it_stops_are_answered_or_refused(system: System) -> None:
    url, outcomes, ended = urlsplit(system.base_url), Counter[str](), asyncio.Event()

    async def client(*, keep: bool) -> None:
        while not ended.is_set():
            try:
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
            except (ConnectionRefusedError, ConnectionResetError):  # before anything was sent
                outcomes["refused"] += 1
                return
            again = True
            while again:
                again = await _asked(reader, writer, outcomes) and keep
                await asyncio.sleep(0.01)
            writer.close()

    clients = [asyncio.create_task(client(keep=number % 2 == 0)) for number in range(20)]
    await until(lambda: outcomes["200"] > 200)
    await stopped(system)
    ended.set()
    await asyncio.gather(*clients)
    assert {*outcomes} == {"200", "refused"}, outcomes


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outcomes: Counter[str]) -> bool:
    """Send one request; count its outcome, and tell whether the connection may be used again."""
    writer.write(b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ") for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(lines["content-length"]))
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        outcomes[type(error).__name__] += 1
        return False
    outcomes[head.split()[1]] += 1
    return lines.get("connection") != "close"
