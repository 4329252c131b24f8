"""An output that comes slowly or stops is given up in time; the next download may succeed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from actors.providers.outputs import Outputs
from actors.providers.provider import ProviderUnavailableError
from actors.providers.settings import ReplicateSettings

READ_SECONDS = 0.5
PIECE = b"x" * 64


@asynccontextmanager
async def output(pieces: int, *, pause: float) -> AsyncIterator[tuple[Outputs, str]]:
    """Serve an output in pieces, `pause` seconds before each."""

    async def serve(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(pieces):
            await asyncio.sleep(pause)
            await answer.write(PIECE)
        return answer

    app = web.Application()
    app.router.add_get("/out.png", serve)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        settings = ReplicateSettings(
            replicate_api_token=SecretStr("r8_test"), replicate_base_url=url, read_seconds=READ_SECONDS
        )
        outputs = Outputs(settings)
        yield outputs, f"{url}/out.png"
        await outputs.close()


async def given_up_after(pieces: int, *, pause: float) -> float:
    """Return the seconds after which a download is given up."""
    async with output(pieces, pause=pause) as (outputs, url):
        began = time.monotonic()
        with pytest.raises(ProviderUnavailableError, match="Timeout"):
            await outputs.download(url)
        return time.monotonic() - began


async def test_an_output_that_stops_is_given_up_after_the_time_of_one_read() -> None:
    assert await given_up_after(1, pause=5) >= READ_SECONDS


async def test_an_output_that_trickles_is_given_up_after_three_times_that() -> None:
    assert await given_up_after(50, pause=0.1) >= 3 * READ_SECONDS


async def test_an_output_with_pauses_is_read_whole() -> None:
    async with output(10, pause=0.1) as (outputs, url):
        assert await outputs.download(url) == 10 * PIECE
