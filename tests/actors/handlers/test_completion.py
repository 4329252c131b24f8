from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from actors.providers.replicate import ReplicateProvider
from domain.generation import decisions
from domain.generation.generation import State
from store.generations.blobs import Blob
from tests.actors.harness import BY_TEST, Harness, SandboxProvider

ENDED = ["cancel_requested", "failed"]


class Interrupted(ReplicateProvider):
    """A provider after each of whose downloads something else happens."""

    def __init__(self, harness: Harness, provider: SandboxProvider, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(provider.settings, clock=harness.clock)
        self._happens = happens

    async def download(self, url: str) -> bytes:
        data = await super().download(url)
        await self._happens()
        return data


async def settled(harness: Harness) -> None:
    """Bring a generation to the point before completion."""
    await harness.invoked("g1")
    await harness.poll_until_settled("g1")


async def cancel(harness: Harness, *, erase: bool = False) -> None:
    decision = partial(decisions.cancel, erase=erase)
    decided = await harness.generations.decide("g1", decision, cause=BY_TEST)
    assert decided is not None
    assert decided.generation.final


async def kinds(harness: Harness) -> list[str]:
    found = [await harness.store.blobs.get("g1", digest) for digest in await harness.store.blobs.hashes("g1")]
    return sorted(blob.kind for blob in found if blob)


async def complete(harness: Harness, provider: SandboxProvider, happens: Callable[[], Awaitable[None]]) -> None:
    """Run completion, with something happening after each download."""
    interrupted = Interrupted(harness, provider, happens)
    try:
        await harness.replace(provider=interrupted).step("g1", "completion")
    finally:
        await interrupted.close()


@pytest.mark.parametrize("erase", [False, True], ids=["cancelled", "deleted"])
async def test_a_generation_ended_during_the_download_keeps_no_picture(
    harness: Harness, provider: SandboxProvider, erase: bool
) -> None:
    await settled(harness)
    before = await kinds(harness)

    await complete(harness, provider, partial(cancel, harness, erase=erase))

    assert (await harness.types("g1"))[-2:] == ENDED
    assert await kinds(harness) == before
    generation = await harness.load("g1")
    assert (generation.failure and generation.failure.code) == "canceled"
    assert generation.settled is not None
    assert generation.settled.predict_seconds is not None


async def test_a_repeated_message_discards_the_picture_of_an_interrupted_try(
    harness: Harness, provider: SandboxProvider
) -> None:
    await settled(harness)
    before, now = await kinds(harness), harness.clock()
    left = Blob("g1", "d-left", "token-1", "result", "image/png", b"png", "0" * 64, now)
    await harness.store.blobs.put(left)
    await cancel(harness)

    await harness.step("g1", "completion")

    assert (await harness.types("g1"))[-2:] == ENDED
    assert await kinds(harness) == before


async def test_a_repeated_message_keeps_the_picture_of_a_completed_generation(
    harness: Harness, provider: SandboxProvider
) -> None:
    await settled(harness)
    for _ in range(2):
        assert (await harness.step("g1", "completion")).state is State.COMPLETED
        assert "result" in await kinds(harness)
