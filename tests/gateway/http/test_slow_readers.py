"""Clients that read slowly or not at all, on a real gateway process: bounded memory, and no neighbour waits."""

import asyncio
import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.http.byte_budget import ByteBudget
from gateway.http.client_address import ClientAddresses
from gateway.http.errors import errors_middleware
from gateway.http.long_answers import long_answers
from gateway.http.server import serve
from gateway.settings import GatewaySettings
from store.generations.blobs import PIECE
from tests.gateway.http.slow_reader import MIB, large_example, reader
from tests.systems.databases import Databases
from tests.systems.system import UNREACHABLE, System, opened_system
from tests.systems.tenants import Tenant, fetch, make_tenant
from tests.systems.waiting import until

QUICK = {
    "EXEMPLAR_RATE_WINDOW": "2",
    "EXEMPLAR_SEND_MIN_RATE": "20000",
    "EXEMPLAR_DOWNLOAD_WAIT": "1",
    "EXEMPLAR_DOWNLOAD_SHARE": str(4 * MIB),
}


@pytest.fixture(scope="module")
def system(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A gateway alone: the broker is not reachable."""
    with opened_system(tmp_path_factory.mktemp("gateway"), databases, UNREACHABLE, QUICK) as system:
        system.start("gateway")
        yield system


@pytest.fixture
async def tenant(system: System, session: aiohttp.ClientSession) -> Tenant:
    return await make_tenant(system, session, "internal")


@pytest.fixture
async def link(tenant: Tenant) -> str:
    return await large_example(tenant)


def memory(system: System) -> int:
    """Return the resident memory of the gateway in MiB."""
    status = Path(f"/proc/{system.pid('gateway')}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1024


async def read_rest(connection: socket.socket) -> int:
    """Read to the end of the connection; return the number of bytes."""
    size = 0
    with suppress(ConnectionError):
        while chunk := await asyncio.get_running_loop().sock_recv(connection, MIB):
            size += len(chunk)
    return size


async def test_thirty_readers_of_ten_mebibytes_take_little_memory(system: System, tenant: Tenant, link: str) -> None:
    neighbour = aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=("127.0.0.2", 0)))
    assert (await tenant.get(link)).status == 200
    before, highest = memory(system), 0
    async with neighbour:
        with ExitStack() as stack:
            for _ in range(30):
                stack.enter_context(reader(link))
            for _ in range(10):
                await asyncio.sleep(0.1)
                highest = max(highest, memory(system))
                for address in (link, "/openapi.json"):
                    assert (await fetch(neighbour, system.base_url, address)).status == 200
    assert highest - before < 60, (before, highest)


async def test_a_trickling_reader_is_cut_off(system: System, link: str) -> None:
    def cut_off() -> int:
        return sum(line["event"] == "slow_client_disconnected" for line in system.logged("gateway"))

    before = cut_off()
    with reader(link) as connection:

        async def trickle() -> bool:
            await asyncio.get_running_loop().sock_recv(connection, 1)
            return cut_off() > before

        await until(trickle, "the reader is cut off", within=15, every=0.2)
        assert await read_rest(connection) < MIB


async def test_a_steady_reader_gets_everything(link: str) -> None:
    with reader(link) as connection:
        loop, received = asyncio.get_running_loop(), bytearray()
        while len(received) < 10 * MIB:
            received += await loop.sock_recv(connection, 256 * 1024)
            await asyncio.sleep(0.001)
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert f'ETag: "{hashlib.sha256(body).hexdigest()}"'.encode() in head


async def read_slowly(link: str) -> tuple[str, int, int]:
    """Read in pieces with pauses; return the status, the announced bytes and the bytes that arrived."""
    loop, received = asyncio.get_running_loop(), bytearray()
    with reader(link) as connection, suppress(ConnectionError):
        while chunk := await loop.sock_recv(connection, 256 * 1024):
            received += chunk
            head, found, _ = bytes(received[:2000]).partition(b"\r\n\r\n")
            length = int(re.findall(rb"Content-Length: (\d+)", head)[0]) if found else 0
            if found and len(received) - len(head) - 4 >= length:
                break
            await asyncio.sleep(0.002)
    return head[9:12].decode(), length, len(received) - len(head) - 4


async def test_forty_readers_of_one_address_get_whole_pictures_or_a_503(link: str) -> None:
    async with asyncio.TaskGroup() as group:
        reading = []
        for _ in range(40):
            reading.append(group.create_task(read_slowly(link)))
            await asyncio.sleep(0.05)
    answers = [task.result() for task in reading]
    assert all(received == length for _, length, received in answers), answers
    assert {status for status, _, _ in answers} == {"200", "503"}


async def test_a_range_reads_only_its_piece(system: System, tenant: Tenant, link: str) -> None:
    async with system.open_store() as store:
        await store.database["blobs"].delete_many({"_id": {"$not": {"$regex": "/0000$"}}, "data": {"$exists": True}})
    part = await tenant.get(link, Range="bytes=0-0")
    assert (part.status, len(part.data)) == (206, 1)
    beyond = await tenant.get(link, Range=f"bytes={PIECE}-{PIECE}")
    assert beyond.status == 410
    unchanged = await tenant.get(link, **{"If-None-Match": part.headers["ETag"]})
    assert unchanged.status == 304


async def test_long_answers_that_nobody_reads_are_counted(unused_tcp_port: int) -> None:
    async def long(_: web.Request) -> web.Response:
        return web.Response(text="x" * 3 * MIB)

    budget = ByteBudget(8 * MIB, share=8 * MIB, wait=1)
    app = web.Application(middlewares=[errors_middleware, long_answers(budget, ClientAddresses())])
    app.router.add_get("/", long)
    settings = {"jwt_secret": "k" * 32, "id_secret": "k" * 32, "port": unused_tcp_port}
    async with serve(app, GatewaySettings.model_validate(settings)):
        with ExitStack() as stack:
            readers = [stack.enter_context(reader(f"http://127.0.0.1:{unused_tcp_port}/")) for _ in range(3)]
            heads = [await asyncio.get_running_loop().sock_recv(one, 12) for one in readers]
            assert sorted(heads) == [b"HTTP/1.1 200", b"HTTP/1.1 200", b"HTTP/1.1 503"]
        await until(lambda: budget.free == 8 * MIB)
