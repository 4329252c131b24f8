"""A client that does not get on is sent away in time. Time-outs are shortened; their order is what counts."""

import asyncio

import pytest

from tests.builders.pictures import png_header
from tests.gateway.submissions.wire import Door, Wire, form, open_door, part, request, until

GOOD = form(part("files", png_header(8, 8), "a.png"), part("instructions", b'{"prompt": "a"}'))
HEAD = request(GOOD).removesuffix(GOOD)
SHORT = {"header_timeout": 0.4, "body_idle_timeout": 0.4}


async def drip(wire: Wire, data: bytes, pause: float) -> None:
    """Send byte by byte until the door closes the connection."""
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
async def test_a_connection_without_a_whole_header_is_closed(sent: bytes) -> None:
    async with open_door(**SHORT) as door, door.wire() as wire:
        await wire.send(sent)
        await asyncio.wait_for(wire.end(), 3)


async def test_a_header_that_drips_is_closed_though_it_never_pauses() -> None:
    async with open_door(**SHORT) as door, door.wire() as wire:
        dripping = asyncio.create_task(drip(wire, b"GET /much HTTP/1.1\r\nX: " + b"y" * 2000, 0.02))
        assert await asyncio.wait_for(wire.end(), 3) == b""
        dripping.cancel()


@pytest.mark.parametrize("length", [0, 1, 40, len(GOOD) - 1])
async def test_a_body_that_stops_coming_is_told_408_and_closed(length: int) -> None:
    async with open_door(**SHORT) as door, door.wire() as wire:
        await wire.send(HEAD + GOOD[:length])
        answer = await asyncio.wait_for(wire.answer(), 3)
        assert (answer.status, answer.body["code"]) == (408, "request_timeout")
        assert answer.headers["connection"] == "close"
        await asyncio.wait_for(wire.end(), 2)
        assert door.budget.free == 256 * 1024 * 1024


async def test_a_body_that_drips_below_the_least_rate_is_told_408() -> None:
    async with open_door(**SHORT, body_min_rate=4096) as door, door.wire() as wire:
        head = request(b"", {"Content-Length": "100000"})
        await wire.send(head)
        dripping = asyncio.create_task(drip(wire, GOOD * 90, 0.005))
        answer = await asyncio.wait_for(wire.answer(), 5)
        assert answer.status == 408
        dripping.cancel()


async def test_a_body_may_not_take_longer_than_the_whole_time() -> None:
    async with open_door(**SHORT, body_min_rate=1, body_timeout=0.6) as door, door.wire() as wire:
        await wire.send(HEAD)
        dripping = asyncio.create_task(drip(wire, GOOD, 0.01))
        assert (await asyncio.wait_for(wire.answer(), 3)).status == 408
        dripping.cancel()


async def test_a_slow_body_above_the_least_rate_is_taken() -> None:
    async with open_door(**SHORT, body_min_rate=100) as door, door.wire() as wire:
        await wire.send(HEAD)
        await drip(wire, GOOD, 0.002)
        assert (await wire.answer()).status == 202


@pytest.mark.parametrize("target", ["POST /json", "POST /form"])
async def test_a_small_body_that_stops_coming_is_told_408(target: str) -> None:
    async with open_door(**SHORT) as door, door.wire() as wire:
        await wire.send(request(b'{"a"', {"Content-Length": "10"}, target=target))
        answer = await asyncio.wait_for(wire.answer(), 3)
        assert (answer.status, answer.body["code"]) == (408, "request_timeout")


async def test_a_connection_over_the_cap_is_told_to_come_later() -> None:
    async with open_door(max_connections=2) as door, door.wire() as one, door.wire() as other:
        for wire in (one, other):
            await wire.send(request(GOOD))
            assert (await wire.answer()).status == 202
        async with door.wire() as third:
            answer = await third.answer()
            assert (answer.status, answer.body["code"]) == (503, "server_busy")
            assert answer.headers["retry-after"] == "2"
            assert await third.end() == b""
        await one.send(request(GOOD))
        assert (await one.answer()).status == 202


async def test_room_under_the_cap_comes_back_with_every_closed_connection() -> None:
    async with open_door(max_connections=1) as door:
        for _ in range(5):
            assert (await door.ask(request(GOOD))).status == 202
            await until(lambda: not door.server.open)


async def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    async with open_door(send_timeout=0.5) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1024)
        try:
            writer.write(b"GET /much HTTP/1.1\r\nHost: door\r\n\r\n")
            await writer.drain()
            await reader.readexactly(100)
            await until(lambda: not door.server.open)
        finally:
            writer.transport.abort()


async def test_uploads_wait_for_room_and_are_told_503_when_none_comes(full_jpeg: bytes) -> None:
    settings = {"upload_budget": 64 * 1024 * 1024, "upload_wait": 0.3}
    whole = request(form(*[part("files", full_jpeg, "a.jpg")] * 5, part("instructions", b'{"prompt": "a"}')))
    async with open_door(**settings) as door, door.wire() as first, door.wire() as second:
        await first.send(whole[:-10])
        await second.send(whole)
        answer = await second.answer()
        assert (answer.status, answer.body["code"]) == (503, "server_busy")
        assert answer.headers["retry-after"] == "2"
        await first.send(whole[-10:])
        assert (await first.answer()).status == 202
        assert door.budget.free == 64 * 1024 * 1024


async def test_a_client_that_goes_away_leaves_nothing_held(door: Door, full_jpeg: bytes) -> None:
    async with door.wire() as wire:
        await wire.send(request(form(part("files", full_jpeg, "a.jpg")))[:-1000])
        await until(lambda: door.budget.free < 256 * 1024 * 1024)
    await until(lambda: door.budget.free == 256 * 1024 * 1024)
