"""A provider that cannot be reached, and outputs that are larger than they look."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from pydantic import SecretStr

from actors.providers.circuit import Circuit
from actors.providers.outputs import Outputs
from actors.providers.provider import Created, OutputRefusedError, ProviderUnavailableError, Refused, Unknown
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from store.errors import StoreUnavailableError
from store.leases.pauses import MemoryPauses, MongoPauses, Pause, Pauses
from tests.actors.harness import TOKEN, SandboxProvider
from tests.builders.clock import Clock
from tests.stores import OpenStore

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
    url = f"http://127.0.0.1:{unused_port()}"
    model = ReplicateProvider(settings(url), clock=clock, monotonic=clock.monotonic)
    pauses = []
    for _ in range(7):
        pauses.append(pause(await model.create(INPUT, webhook=None), clock))
        clock.forward(seconds=pauses[-1] + 1)
    await model.close()
    assert pauses == [2, 4, 8, 16, 32, 60, 60]


async def test_the_provider_is_not_called_while_the_circuit_is_open(clock: Clock, provider: SandboxProvider) -> None:
    model = ReplicateProvider(settings(provider.url), clock=clock, monotonic=clock.monotonic)
    await provider.arm(create="402", times=1)
    assert isinstance(await model.create(INPUT, webhook=None), Refused)

    assert isinstance(await model.create(INPUT, webhook=None), Refused)
    assert await provider.predictions() == []
    clock.forward(minutes=2)
    assert isinstance(await model.create(INPUT, webhook=None), Created)
    await model.close()


def test_a_response_resets_the_failure_count(clock: Clock) -> None:
    pauses = MemoryPauses(clock.monotonic)
    circuit = Circuit(name="provider", pauses=pauses, clock=clock, monotonic=clock.monotonic)
    for _ in range(5):
        circuit.unreachable("unreachable")
    clock.forward(minutes=2)
    circuit.reached()
    assert circuit.unreachable("unreachable") - clock() <= timedelta(seconds=2)


class CountedPauses(MemoryPauses):
    """Pauses that count how often they are read."""

    reads = 0

    async def current(self, name: str) -> Pause | None:
        self.reads += 1
        return await super().current(name)


def worker(provider: SandboxProvider, clock: Clock, pauses: Pauses) -> ReplicateProvider:
    """Make the provider of one of several workers."""
    return ReplicateProvider(settings(provider.url), clock=clock, monotonic=clock.monotonic, pauses=pauses)


@pytest.mark.parametrize("fault", ["429", "402", "401"])
async def test_a_refusal_of_the_account_pauses_every_worker(
    provider: SandboxProvider, clock: Clock, store: OpenStore, fault: str
) -> None:
    """The server's clock counts the shared pause, so that the workers' may differ."""
    ahead = Clock.running()
    ahead.step(hours=1)
    one, other = (worker(provider, time, MongoPauses(store.database)) for time in (clock, ahead))
    async with one, other:
        await provider.arm(create=fault, retry_after=60, times=1)
        first = await one.create(INPUT, webhook=None)
        for model, time in ((one, clock), (other, ahead)):
            refused = await model.create(INPUT, webhook=None)
            assert isinstance(first, Refused)
            assert isinstance(refused, Refused)
            assert (refused.code, refused.retry_at is not None) == (first.code, True)
            assert timedelta(seconds=50) < (refused.retry_at or time()) - time() <= timedelta(seconds=60)
    assert await provider.predictions() == []


async def test_calls_go_on_after_the_pause_whatever_the_wall_clock_shows(
    provider: SandboxProvider, clock: Clock
) -> None:
    async with worker(provider, clock, MemoryPauses(clock.monotonic)) as model:
        await provider.arm(create="429", retry_after=300, times=1)
        await model.create(INPUT, webhook=None)
        clock.step(hours=1)
        clock.forward(seconds=299)
        assert isinstance(await model.create(INPUT, webhook=None), Refused)
        clock.step(hours=-2)
        clock.forward(seconds=1)
        assert isinstance(await model.create(INPUT, webhook=None), Created)


async def test_a_busy_worker_reads_the_pauses_once_a_second(provider: SandboxProvider, clock: Clock) -> None:
    clock = Clock()
    pauses = CountedPauses(clock.monotonic)
    async with worker(provider, clock, pauses) as model:
        for _ in range(20):
            assert isinstance(await model.create(INPUT, webhook=None), Created)
            clock.forward(seconds=0.1)
    assert pauses.reads == 2


async def test_pauses_that_are_asked_about_early_are_young_when_a_call_follows(
    provider: SandboxProvider, clock: Clock
) -> None:
    pauses = CountedPauses(clock.monotonic)
    async with worker(provider, clock, pauses) as model:
        await model.paused_until()
        clock.forward(seconds=0.4)
        await model.paused_until()
        assert pauses.reads == 1
        clock.forward(seconds=0.2)
        await model.paused_until()
        assert pauses.reads == 2
        clock.forward(seconds=0.9)
        assert isinstance(await model.create(INPUT, webhook=None), Created)
    assert pauses.reads == 2


class UnreadablePauses(MemoryPauses):
    """Pauses that nobody answers for, or that cannot be read."""

    fails = False

    async def current(self, name: str) -> Pause | None:
        if self.fails:
            raise StoreUnavailableError(name)
        return await asyncio.Future()


@pytest.mark.parametrize("fails", [False, True], ids=["slow", "away"])
async def test_pauses_that_cannot_be_read_stop_no_call(provider: SandboxProvider, clock: Clock, fails: bool) -> None:
    pauses = UnreadablePauses(clock.monotonic)
    pauses.fails = fails
    async with worker(provider, clock, pauses) as model:
        assert isinstance(await model.create(INPUT, webhook=None), Created)


@pytest.mark.parametrize("status", [408, 409, 425, 499])
async def test_a_refusal_that_may_come_after_the_creation_leaves_the_outcome_unknown(clock: Clock, status: int) -> None:
    async with answering(status, {"detail": "later"}) as url, ReplicateProvider(settings(url), clock=clock) as model:
        assert isinstance(await model.create(INPUT, webhook=None), Unknown)


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422])
async def test_a_refusal_of_the_request_is_final(clock: Clock, status: int) -> None:
    async with answering(status, {"detail": "no"}) as url, ReplicateProvider(settings(url), clock=clock) as model:
        assert await model.create(INPUT, webhook=None) == Refused(f"provider_{status}", None)


async def test_a_throttling_edge_pauses_the_account_and_leaves_the_outcome_unknown(clock: Clock) -> None:
    async with answering(429, None) as url, ReplicateProvider(settings(url), clock=clock) as model:
        assert isinstance(await model.create(INPUT, webhook=None), Unknown)
        assert isinstance(await model.create(INPUT, webhook=None), Refused)


MALFORMED = [5, "", {}, ["x"], True, "http://[", "https://example.com:99999/v1/predictions", "?cursor=x", "/v2/else"]


@pytest.mark.parametrize("following", MALFORMED, ids=repr)
async def test_a_list_with_a_malformed_next_page_is_no_list(clock: Clock, following: object) -> None:
    page = {"results": [], "next": following}
    async with answering(200, page) as url, ReplicateProvider(settings(url), clock=clock) as model:
        with pytest.raises(ProviderUnavailableError):
            await model.list_since(clock())


@pytest.mark.parametrize("page", [{"results": [], "next": None}, {"results": []}], ids=["null", "none"])
async def test_a_list_ends_without_a_next_page(clock: Clock, page: object) -> None:
    async with answering(200, page) as url, ReplicateProvider(settings(url), clock=clock) as model:
        assert await model.list_since(clock()) == []


@asynccontextmanager
async def answering(status: int, body: object) -> AsyncIterator[str]:
    """Serve one answer to everything; None: HTML."""

    async def answer(_: web.Request) -> web.Response:
        page = web.Response(status=status, text="<html>", content_type="text/html")
        return page if body is None else web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


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
