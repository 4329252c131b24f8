"""Time-outs and connection limits for slow clients, with shortened times."""

import asyncio

import pytest

from tests.builders.pictures import png_header
from tests.gateway.submissions.upload_server import UploadServer, Wire, form, open_server, part, request
from tests.systems.waiting import until

GOOD = form(part("files", png_header(8, 8), "a.png"), part("instructions", b'{"prompt": "a"}'))
HEAD = request(GOOD).removesuffix(GOOD)
SHORT = {"header_timeout": 0.4, "body_idle_timeout": 0.4}


async def drip(wire: Wire, data: bytes, pause: float) -> None:
    """Send byte by byte with a pause after each."""
    for byte in data:
        wire.writer.write(bytes([byte]))
        await asyncio.sleep(pause)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"P",
        b"POST /generate-v2 HTTP/1.1\r\n",
        request(GOOD)[:60],
        request(GOOD) + b"POST /generate-v2 HTTP/1.1\r\nHost: ",
    ],
)
async def test_incomplete_header_closes_the_connection(sent: bytes) -> None:
    async with open_server(**SHORT) as server, server.wire() as wire:
        await wire.send(sent)
        await asyncio.wait_for(wire.end(), 3)


async def test_slow_header_closes_the_connection_even_without_a_pause() -> None:
    async with open_server(**SHORT) as server, server.wire() as wire:
        dripping = asyncio.create_task(drip(wire, b"GET /large HTTP/1.1\r\nX: " + b"y" * 2000, 0.02))
        assert await asyncio.wait_for(wire.end(), 3) == b""
        dripping.cancel()


@pytest.mark.parametrize("length", [0, 1, 40, len(GOOD) - 1])
async def test_stalled_body_gets_408_and_a_closed_connection(length: int) -> None:
    async with open_server(**SHORT) as server, server.wire() as wire:
        await wire.send(HEAD + GOOD[:length])
        answer = await asyncio.wait_for(wire.answer(), 3)
        assert (answer.status, answer.body["code"]) == (408, "request_timeout")
        assert answer.headers["connection"] == "close"
        await asyncio.wait_for(wire.end(), 2)
        assert server.budget.free == 256 * 1024 * 1024


async def test_body_below_the_minimum_rate_gets_408() -> None:
    async with open_server(**SHORT, body_min_rate=4096, rate_window=0.4) as server, server.wire() as wire:
        head = request(b"", {"Content-Length": "100000"})
        await wire.send(head)
        dripping = asyncio.create_task(drip(wire, GOOD * 90, 0.005))
        answer = await asyncio.wait_for(wire.answer(), 5)
        assert answer.status == 408
        dripping.cancel()


async def test_fast_beginning_gives_no_credit_for_a_trickle() -> None:
    async with open_server(body_min_rate=4096, rate_window=0.5) as server, server.wire() as wire:
        beginning = form(part("files", bytes(1_000_000), "a.png"))[:1_000_000]
        await wire.send(request(b"", {"Content-Length": "2000000"}) + beginning)
        dripping = asyncio.create_task(drip(wire, bytes(1000), 0.05))
        assert (await asyncio.wait_for(wire.answer(), 5)).status == 408
        dripping.cancel()


async def test_one_developer_leaves_budget_to_others(full_jpeg: bytes) -> None:
    whole = request(form(*[part("files", full_jpeg, "a.jpg")] * 5, part("instructions", b'{"prompt": "a"}')))
    others = whole.replace(b"\r\n", b"\r\nX-Developer: another\r\n", 1)
    async with open_server(upload_wait=0.3) as server, server.wire() as first, server.wire() as second:
        await first.send(whole[:-10])
        await second.send(whole)
        assert (await second.answer()).status == 503
        assert (await server.ask(others)).status == 202
        await first.send(whole[-10:])
        assert (await first.answer()).status == 202


async def test_one_end_user_leaves_budget_to_others_of_the_same_developer(full_jpeg: bytes) -> None:
    picture, instructions = part("files", full_jpeg, "a.jpg"), part("instructions", b'{"prompt": "a"}')
    largest, small = (request(form(*[picture] * count, instructions), {"X-User": "one"}) for count in (5, 1))
    others = small.replace(b"X-User: one", b"X-User: two")
    async with open_server(upload_wait=0.3) as server, server.wire() as first, server.wire() as second:
        everything = server.budget.free
        await first.send(largest[:-10])
        await until(lambda: everything - server.budget.free >= 5 * len(full_jpeg))
        await second.send(small[:-10])
        assert (await asyncio.wait_for(second.answer(), 10)).status == 503
        assert (await server.ask(others)).status == 202
        await first.send(largest[-10:])
        assert (await first.answer()).status == 202


async def test_body_over_the_total_time_gets_408() -> None:
    async with open_server(**SHORT, body_min_rate=1, body_timeout=0.6) as server, server.wire() as wire:
        await wire.send(HEAD)
        dripping = asyncio.create_task(drip(wire, GOOD, 0.01))
        assert (await asyncio.wait_for(wire.answer(), 3)).status == 408
        dripping.cancel()


async def test_slow_body_above_the_minimum_rate_is_accepted() -> None:
    async with open_server(**SHORT, body_min_rate=100) as server, server.wire() as wire:
        await wire.send(HEAD)
        await drip(wire, GOOD, 0.002)
        assert (await wire.answer()).status == 202


@pytest.mark.parametrize("target", ["POST /json", "POST /form"])
async def test_stalled_small_body_gets_408(target: str) -> None:
    async with open_server(**SHORT) as server, server.wire() as wire:
        await wire.send(request(b'{"a"', {"Content-Length": "10"}, target=target))
        answer = await asyncio.wait_for(wire.answer(), 3)
        assert (answer.status, answer.body["code"]) == (408, "request_timeout")


async def test_connection_over_the_limit_gets_503() -> None:
    async with open_server(max_connections=2) as server, server.wire() as one, server.wire() as other:
        for wire in (one, other):
            await wire.send(request(GOOD))
            assert (await wire.answer()).status == 202
        async with server.wire() as third:
            answer = await third.answer()
            assert (answer.status, answer.body["code"]) == (503, "server_busy")
            assert answer.headers["retry-after"] == "2"
            assert await third.end() == b""
        await one.send(request(GOOD))
        assert (await one.answer()).status == 202


async def test_closed_connection_no_longer_counts_against_the_limit() -> None:
    async with open_server(max_connections=1) as server:
        for _ in range(5):
            assert (await server.ask(request(GOOD))).status == 202
            await until(lambda: not server.server.open)


async def test_client_that_does_not_read_the_response_is_disconnected() -> None:
    async with open_server(send_timeout=0.5) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        try:
            writer.write(b"GET /large HTTP/1.1\r\nHost: gateway\r\n\r\n")
            await writer.drain()
            await reader.readexactly(100)
            await until(lambda: not server.server.open)
        finally:
            writer.transport.abort()


async def test_upload_over_the_budget_waits_and_then_gets_503(full_jpeg: bytes) -> None:
    settings = {"upload_budget": 64 * 1024 * 1024, "upload_wait": 0.3}
    whole = request(form(*[part("files", full_jpeg, "a.jpg")] * 5, part("instructions", b'{"prompt": "a"}')))
    async with open_server(**settings) as server, server.wire() as first, server.wire() as second:
        await first.send(whole[:-10])
        await second.send(whole)
        answer = await second.answer()
        assert (answer.status, answer.body["code"]) == (503, "server_busy")
        assert answer.headers["retry-after"] == "2"
        await first.send(whole[-10:])
        assert (await first.answer()).status == 202
        assert server.budget.free == 64 * 1024 * 1024


async def test_disconnected_client_releases_the_budget(server: UploadServer, full_jpeg: bytes) -> None:
    async with server.wire() as wire:
        await wire.send(request(form(part("files", full_jpeg, "a.jpg")))[:-1000])
        await until(lambda: server.budget.free < 256 * 1024 * 1024)
    await until(lambda: server.budget.free == 256 * 1024 * 1024)


async def test_connections_of_one_address_are_limited() -> None:
    async with open_server(max_connections_per_address=2) as server, server.wire() as one, server.wire() as other:
        async with server.wire() as third:
            assert (await third.answer()).status == 503
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
        neighbour = Wire(reader, writer)
        for wire in (one, other, neighbour):
            await wire.send(request(GOOD))
            assert (await wire.answer()).status == 202
        writer.close()
        await until(lambda: server.server.open == 2)
        async with server.wire() as third:
            assert (await third.answer()).status == 503


async def test_connections_of_a_trusted_proxy_are_not_limited_by_address() -> None:
    settings = {"max_connections_per_address": 1, "trusted_proxies": "127.0.0.0/8"}
    async with open_server(**settings) as server, server.wire() as one, server.wire() as other:
        for wire in (one, other):
            await wire.send(request(GOOD))
            assert (await wire.answer()).status == 202
