"""A provider that refuses, throttles, fails or falls silent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.alerts.stage import OURS, Stage


@asynccontextmanager
async def revoke_token(stage: Stage) -> AsyncIterator[None]:
    """The provider accepts another token only; then all processes get it."""
    other = "r8_another_token_of_the_same_account"
    await stage.restart("sandbox", EXEMPLAR_SANDBOX_TOKEN=other)
    await stage.submit(1)
    yield
    await stage.restart(*OURS, REPLICATE_API_TOKEN=other)


@asynccontextmanager
async def throttle(stage: Stage) -> AsyncIterator[None]:
    """The provider answers 429 for half a minute."""
    await stage.sandbox.arm(create="429", retry_after=25, times=1)
    await stage.submit(1)
    yield


@asynccontextmanager
async def lose_provider(stage: Stage) -> AsyncIterator[None]:
    """Nothing listens at the address of the provider."""
    stage.system.kill("sandbox")
    async with stage.again_and_again(lambda: stage.submit(1), every=2):
        yield
    await stage.system.restart("sandbox")


@asynccontextmanager
async def silence_provider(stage: Stage) -> AsyncIterator[None]:
    """The provider takes paid calls and answers nothing, no list either."""
    async with stage.stopped(stage.system.pid("sandbox")):
        await stage.submit(3)
        yield


@asynccontextmanager
async def fail_predictions(stage: Stage) -> AsyncIterator[None]:
    """Every prediction fails."""
    async with stage.again_and_again(lambda: stage.submit(1, prompt="[sandbox:fail]"), every=2):
        yield
