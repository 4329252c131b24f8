from collections.abc import AsyncIterator

import pytest

from sandbox.settings import SandboxSettings
from tests.actors.harness import Harness, SandboxProvider, open_harness, open_provider
from tests.builders.clock import Clock
from tests.sandbox.conftest import TOKEN, Sandbox, sandbox, tls
from tests.stores import OpenStore, open_store

__all__ = ["Sandbox", "sandbox", "tls"]


@pytest.fixture
def settings() -> SandboxSettings:
    """A provider that does not finish by itself."""
    return SandboxSettings(token=TOKEN, boot_seconds=0.01, predict_seconds=600)


@pytest.fixture
def clock() -> Clock:
    return Clock.running()


@pytest.fixture
async def store(mongodb_url: str, clock: Clock) -> AsyncIterator[OpenStore]:
    async with open_store(mongodb_url, clock=clock) as store:
        yield store


@pytest.fixture
async def provider(clock: Clock) -> AsyncIterator[SandboxProvider]:
    async with open_provider(clock) as provider:
        yield provider


@pytest.fixture
async def harness(store: OpenStore, clock: Clock, provider: SandboxProvider) -> AsyncIterator[Harness]:
    async with open_harness(store, clock, provider) as harness:
        yield harness
