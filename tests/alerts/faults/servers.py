"""MongoDB and RabbitMQ that are away, slow or full."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.alerts.stage import Stage
from tests.chaos.small_disk import small_disk
from tests.systems.waiting import until


@asynccontextmanager
async def lose_rabbitmq(stage: Stage) -> AsyncIterator[None]:
    """RabbitMQ is killed under load."""
    stage.servers.rabbit.stop()
    try:
        async with stage.again_and_again(lambda: stage.submit(1), every=1):
            yield
    finally:
        await asyncio.to_thread(stage.servers.rabbit.start)


@asynccontextmanager
async def lose_mongod(stage: Stage) -> AsyncIterator[None]:
    """MongoDB is killed under load."""
    stage.servers.mongod.stop()
    try:
        async with stage.again_and_again(stage.tenant.submit):
            yield
    finally:
        await asyncio.to_thread(stage.servers.mongod.start)


@asynccontextmanager
async def slow_mongod(stage: Stage) -> AsyncIterator[None]:
    """MongoDB gets no processor for most of the time."""
    async with stage.stopped(stage.servers.mongod.pid, seconds=1.5, running=0.1):
        yield


@asynccontextmanager
async def fill_disk_nearly(stage: Stage) -> AsyncIterator[None]:
    """The disk of MongoDB is full but for a tenth."""
    async with small_disk(stage.servers.mongod) as disk:
        assert disk is not None, "only root may mount a small disk"
        disk.fill(to=0.9)
        try:
            yield
        finally:
            disk.empty()


@asynccontextmanager
async def fill_disk(stage: Stage) -> AsyncIterator[None]:
    """The disk of MongoDB is full, which ends it."""
    mongod = stage.servers.mongod
    async with small_disk(mongod) as disk:
        assert disk is not None, "only root may mount a small disk"
        async with stage.again_and_again(stage.tenant.submit):
            disk.fill()
            try:
                await until(lambda: not mongod.write_all() and not mongod.running, "MongoDB ends", within=60, every=0.2)
                yield
            finally:
                disk.empty()
                await mongod.lose(seconds=0)
