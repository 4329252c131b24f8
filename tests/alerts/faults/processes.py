"""Processes that are gone, slow or too few."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.alerts.stage import Stage
from tests.builders.pictures import jpeg
from tests.systems.tenants import ONE


@asynccontextmanager
async def lose_worker(stage: Stage) -> AsyncIterator[None]:
    """The only worker is killed."""
    stage.system.kill("worker")
    yield
    await stage.system.restart("worker")


@asynccontextmanager
async def lose_scheduler(stage: Stage) -> AsyncIterator[None]:
    """The only scheduler is killed."""
    stage.system.kill("scheduler")
    yield
    await stage.system.restart("scheduler")


@asynccontextmanager
async def starve_gateway(stage: Stage) -> AsyncIterator[None]:
    """The gateway gets no processor for a second, again and again."""
    async with stage.stopped(stage.system.pid("gateway"), seconds=1.0):
        yield


@asynccontextmanager
async def freeze_worker(stage: Stage) -> AsyncIterator[None]:
    """The only worker takes messages and does nothing."""
    await stage.restart("worker", EXEMPLAR_AMQP_HEARTBEAT="60", EXEMPLAR_AMQP_PREFETCH="1")
    async with stage.stopped(stage.system.pid("worker")):
        await stage.submit(12)
        yield
    await stage.restart("worker")


@asynccontextmanager
async def fill_streams(stage: Stage) -> AsyncIterator[None]:
    """A gateway that allows two event streams has two."""
    await stage.restart("gateway", EXEMPLAR_STREAM_PER_PROCESS="2")
    [generation] = await stage.submit(1, prompt="[sandbox:slow=60]")
    url = f"{stage.system.base_url}{ONE}/{generation}/events"
    headers = {**stage.tenant.headers, "Accept": "text/event-stream"}
    async with stage.session.get(url, headers=headers) as one, stage.session.get(url, headers=headers) as other:
        assert (one.status, other.status) == (200, 200)
        yield
    await stage.restart("gateway")


@asynccontextmanager
async def kill_decoders(stage: Stage) -> AsyncIterator[None]:
    """Pictures take longer to decode than they may."""
    await stage.restart("worker", EXEMPLAR_DECODER_SECONDS="0.01")
    large = jpeg("coffee.png", (3000, 2000))
    async with stage.again_and_again(lambda: stage.tenant.accepted(large), every=2):
        yield
    await stage.restart("worker")
