"""The paid request on real connections: sent once, and unknown whenever its answer is not whole."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp.test_utils import unused_port
from pydantic import SecretStr

from actors.providers.outputs import Outputs
from actors.providers.provider import Created, OutputRefusedError, ProviderUnavailableError, Refused, Unknown
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from tests.builders.clock import Clock

TOKEN = "r8_creation"
INPUT = {"prompt": "a lake", "image": "data:image/jpeg;base64," + "A" * 300_000}
PREDICTION = json.dumps({"id": "p" * 26, "status": "starting", "version": "v", "input": {}}).encode()
CREATED = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(PREDICTION)
Answer = Callable[[int, asyncio.StreamWriter], Awaitable[None]]


def settings(url: str, seconds: float = 2) -> ReplicateSettings:
    return ReplicateSettings(
        replicate_api_token=SecretStr(TOKEN), replicate_base_url=url, create_seconds=seconds, read_seconds=seconds
    )


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve raw HTTP/1.1 with kept connections; collect the head of each request; `answer` gets its number."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                length = next(
                    (line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), b":0"
                )
                await reader.readexactly(int(length.split(b":")[1]))
                await answer(len(heads), writer)
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


@asynccontextmanager
async def provider_at(url: str, clock: Clock) -> AsyncIterator[ReplicateProvider]:
    async with ReplicateProvider(settings(url), clock=clock) as provider:
        yield provider


async def accept(_: int, writer: asyncio.StreamWriter) -> None:
    writer.write(CREATED + PREDICTION)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_kept_connection_that_is_dropped_during_a_request_is_unknown_and_not_repeated(
    clock: Clock,
    reset: bool,
) -> None:
    async def drop_the_second(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await accept(number, writer)
        elif reset:
            writer.transport.abort()
        else:
            writer.close()

    async with serving(drop_the_second) as (url, heads), provider_at(url, clock) as provider:
        assert isinstance(await provider.create(INPUT, webhook=None), Created)
        assert isinstance(await provider.create(INPUT, webhook=None), Unknown)
        assert len(heads) == 2


async def test_an_idle_connection_that_is_closed_as_a_request_arrives_is_unknown_and_not_repeated(
    clock: Clock,
) -> None:
    accepted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(json.dumps({"version": "", "input": INPUT}, separators=(",", ":"))) + 64)
        writer.write(CREATED + PREDICTION)
        await reader.read(1)  # the next request has begun
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, provider_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", clock) as provider:
        assert isinstance(await provider.create(INPUT, webhook=None), Created)
        assert isinstance(await provider.create(INPUT, webhook=None), Unknown)
        assert accepted == 1


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"",
        b"HTTP/1.1 201 Created\r\nContent-Le",
        CREATED + PREDICTION[:-4],
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 15\r\n\r\n<html>busy</htm",
        b"not HTTP at all\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "an HTML error", "other bytes"],
)
async def test_an_answer_that_is_not_whole_is_unknown(clock: Clock, bytes_sent: bytes) -> None:
    async def cut(_: int, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes_sent)
        writer.close()

    async with serving(cut) as (url, heads), provider_at(url, clock) as provider:
        assert isinstance(await provider.create(INPUT, webhook=None), Unknown)
        assert len(heads) == 1


async def test_an_answer_that_does_not_come_in_time_is_unknown(clock: Clock) -> None:
    async def hang(_: int, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with serving(hang) as (url, heads), ReplicateProvider(settings(url, 0.3), clock=clock) as provider:
        assert isinstance(await provider.create(INPUT, webhook=None), Unknown)
        assert len(heads) == 1


async def test_a_redirect_is_not_followed_with_the_token(clock: Clock) -> None:
    async with serving(accept) as (elsewhere, seen):

        async def redirect(_: int, writer: asyncio.StreamWriter) -> None:
            location = f"{elsewhere}/v1/predictions".encode()
            writer.write(b"HTTP/1.1 307 Moved\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % location)

        async with serving(redirect) as (url, _), provider_at(url, clock) as provider:
            assert isinstance(await provider.create(INPUT, webhook=None), Unknown)
            with pytest.raises(OutputRefusedError, match="redirect"):
                await provider.download(f"{url}/out.png")
    assert seen == []


async def test_nothing_was_created_where_no_connection_was_made(clock: Clock) -> None:
    async with provider_at(f"http://127.0.0.1:{unused_port()}", clock) as provider:
        assert isinstance(await provider.create(INPUT, webhook=None), Refused)


async def test_the_token_goes_to_the_api_and_with_no_download(clock: Clock) -> None:
    async with serving(accept) as (url, heads), provider_at(url, clock) as provider:
        await provider.create(INPUT, webhook="https://example.com/hook")
        with pytest.raises(ProviderUnavailableError):
            await provider.download(f"{url}/out.png")
    create, download = heads
    assert f"Bearer {TOKEN}".encode() in create
    assert b"uthorization" not in download


FOREIGN = [
    "//replicate.delivery/x",
    "ftp://replicate.delivery/x",
    "http://replicate.delivery/x",
    "http://[::1/x",
    "no-address",
    "https://replicate.delivery@evil.example/x",
    "https://replicate.delivery.evil.example/x",
    "https://replicate.delivery\\@evil.example/x",
    "http://169.254.169.254/latest",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("address", FOREIGN)
async def test_outputs_are_fetched_from_listed_hosts_only(address: str) -> None:
    outputs = Outputs(settings("https://api.replicate.com"))
    with pytest.raises(OutputRefusedError):
        await outputs.download(address)
    await outputs.close()


async def test_no_request_uses_a_proxy_of_the_environment(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(accept) as (url, _), serving(accept) as (proxy, heads):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        async with provider_at(url, clock) as provider:
            assert isinstance(await provider.create(INPUT, webhook=None), Created)
        assert heads == []
