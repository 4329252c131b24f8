"""Bringing pictures home while somebody changes his mind: on a real store and a real provider's API."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from actors.jobs.reconciliation import poll
from actors.providers.replicate import ReplicateProvider
from domain.generation import decisions
from domain.generation.generation import State
from store.generations.blobs import Blob
from tests.actors.workshop import BY_TEST, SandboxProvider, Workshop

ENDED = ["cancel_requested", "failed"]


class Interrupted(ReplicateProvider):
    """A provider whose picture is followed by something else, before anybody hears of it."""

    def __init__(self, workshop: Workshop, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(workshop.hands.replicate, clock=workshop.clock)
        self._happens = happens

    async def download(self, url: str) -> bytes:
        data = await super().download(url)
        await self._happens()
        return data


async def settled(workshop: Workshop) -> None:
    """Bring a generation to where its pictures are to be fetched."""
    await workshop.invoked("g1")
    await workshop.project("g1")
    async with asyncio.timeout(20):
        while (await workshop.load("g1")).state is not State.SETTLED:
            workshop.clock.forward(minutes=1)
            await poll(workshop.desk)


async def cancel(workshop: Workshop, *, erase: bool = False) -> None:
    decision = partial(decisions.cancel, erase=erase)
    decided = await workshop.hands.generations.decide("g1", decision, cause=BY_TEST)
    assert decided is not None
    assert decided.generation.final


async def kinds(workshop: Workshop) -> list[str]:
    found = [
        await workshop.store.blobs.get("g1", digest) for digest in await workshop.store.blobs.hashes("g1")
    ]
    return sorted(blob.kind for blob in found if blob)


async def complete(workshop: Workshop, happens: Callable[[], Awaitable[None]]) -> None:
    """Fetch the pictures as completion does, with something happening behind each of them."""
    model = Interrupted(workshop, happens)
    try:
        await replace(workshop, hands=replace(workshop.hands, model=model)).step("g1", "completion")
    finally:
        await model.close()


@pytest.mark.parametrize("erase", [False, True], ids=["cancelled", "deleted"])
async def test_what_is_ended_while_its_picture_is_fetched_has_no_picture(
    workshop: Workshop, provider: SandboxProvider, erase: bool
) -> None:
    await settled(workshop)
    before = await kinds(workshop)

    await complete(workshop, partial(cancel, workshop, erase=erase))

    assert (await workshop.told("g1"))[-2:] == ENDED
    assert await kinds(workshop) == before
    generation = await workshop.load("g1")
    assert (generation.failure and generation.failure.code) == "canceled"
    assert generation.settled is not None
    assert generation.settled.predict_seconds is not None


async def test_a_picture_that_a_broken_try_left_goes_when_the_message_comes_again(
    workshop: Workshop, provider: SandboxProvider
) -> None:
    await settled(workshop)
    before, now = await kinds(workshop), workshop.clock()
    left = Blob("g1", "d-left", "token-1", "result", "image/png", b"png", "0" * 64, now)
    await workshop.store.blobs.put(left)
    await cancel(workshop)

    await workshop.step("g1", "completion")

    assert (await workshop.told("g1"))[-2:] == ENDED
    assert await kinds(workshop) == before


async def test_a_message_that_comes_again_takes_no_picture_of_what_is_completed(
    workshop: Workshop, provider: SandboxProvider
) -> None:
    await settled(workshop)
    for _ in range(2):
        assert (await workshop.step("g1", "completion")).state is State.COMPLETED
        assert "result" in await kinds(workshop)
