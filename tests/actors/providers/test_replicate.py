"""A provider that cannot be reached, and outputs that are larger than they look."""

import gzip
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from pydantic import SecretStr

from actors.providers.circuit import Circuit
from actors.providers.outputs import Outputs
from actors.providers.provider import Created, OutputRefusedError, Refused
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from tests.actors.harness import TOKEN, SandboxProvider
from tests.builders.clock import Clock

INPUT = {"prompt": "a lake", "width": 64, "height": 64}
ASKED = web.AppKey("asked", list[str | None])
BOMB = gzip.compress(bytes(8 * 2**20))


def settings(url: str) -> ReplicateSettings:
    return ReplicateSettings(
        replicate_api_token=SecretStr(TOKEN), replicate_base_url=url, create_seconds=5, output_bytes=2**20
    )


def pause(answer: object, clock: Clock) -> int:
    assert isinstance(answer, Refused)
    assert answer.code == "provider_unreachable"
    assert answer.retry_at is not None
    return round((answer.retry_at - clock()).total_seconds())


async def test_an_unreachable_provider_is_called_with_growing_pauses(clock: Clock) -> None:
    model = ReplicateProvider(settings(f"http://127.0.0.1:{unused_port()}"), clock=clock)
    pauses = []
    for _ in range(7):
        pauses.append(pause(await model.create(INPUT, webhook=None), clock))
        clock.forward(seconds=pauses[-1] + 1)
    await model.close()
    assert pauses == [2, 4, 8, 16, 32, 60, 60]


async def test_the_provider_is_not_called_while_the_circuit_is_open(clock: Clock, provider: SandboxProvider) -> None:
    model = ReplicateProvider(settings(provider.url), clock=clock)
    await provider.arm(create="402", times=1)
    assert isinstance(await model.create(INPUT, webhook=None), Refused)

    assert isinstance(await model.create(INPUT, webhook=None), Refused)
    assert await provider.predictions() == []
    clock.forward(minutes=2)
    assert isinstance(await model.create(INPUT, webhook=None), Created)
    await model.close()


def test_a_response_resets_the_failure_count(clock: Clock) -> None:
    circuit = Circuit(clock)
    for _ in range(5):
        circuit.trip_longer("unreachable")
    circuit.reached()
    assert circuit.trip_longer("unreachable") - clock() <= timedelta(seconds=2)


@pytest.fixture
async def host() -> AsyncIterator[TestServer]:
    """Serve a small compressed body of eight times the limit, whatever the client accepts."""

    async def bomb(request: web.Request) -> web.Response:
        request.app[ASKED].append(request.headers.get("Accept-Encoding"))
        return web.Response(body=BOMB, headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app[ASKED] = []
    app.router.add_get("/out.png", bomb)
    server = TestServer(app)
    async with server:
        yield server


async def test_a_compressed_output_is_not_decompressed(host: TestServer) -> None:
    outputs = Outputs(settings(str(host.make_url("")).rstrip("/")))
    assert await outputs.download(str(host.make_url("/out.png"))) == BOMB
    await outputs.close()
    assert host.app[ASKED] == ["identity"]


async def test_an_output_over_the_limit_is_refused_before_its_end(provider: SandboxProvider, clock: Clock) -> None:
    await provider.arm(output="huge", times=1)
    model = ReplicateProvider(settings(provider.url), clock=clock)
    made = await model.create(INPUT, webhook=None)
    assert isinstance(made, Created)
    prediction = made.prediction
    while prediction.outcome is None:
        prediction = await model.get(prediction.id) or prediction
    with pytest.raises(OutputRefusedError, match="larger"):
        await model.download(prediction.outputs[0])
    await model.close()
