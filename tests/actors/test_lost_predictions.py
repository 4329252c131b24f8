"""What was paid for after the moment to which the log was restored: listed once, and the best of several is taken."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from actors.callback_urls import CallbackUrls
from actors.lost_predictions import LostPredictions
from actors.model_inputs import ModelInputs
from actors.providers.provider import Created, Provider
from actors.providers.replicate import ReplicateProvider
from domain.generation.callback import Callback
from domain.generation.prediction import Prediction
from store.backup.restoring import RESTORED
from tests.actors.harness import Harness, SandboxProvider


class CountedLists(ReplicateProvider):
    """A provider that counts its lists, each of which takes some turns of the event loop."""

    lists = 0

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        self.lists += 1
        return await super().list_since(moment, until=until)


async def restored(harness: Harness) -> None:
    """Note a restoration that lost the last hour."""
    now = harness.clock()
    restoration = {"moment": now - timedelta(hours=1), "at": now}
    await harness.store.database["meta"].replace_one({"_id": RESTORED}, restoration, upsert=True)


async def pay(harness: Harness, sandbox: SandboxProvider, outcome: str | None, attempt: int) -> str:
    """Create a prediction of g1 a minute after the last one; return its id."""
    await sandbox.arm(webhook="lost", outcome=outcome, times=1)
    sandbox.skew += timedelta(minutes=1)
    generation = await harness.load("g1")
    model_input = await harness.dependencies.get("model_inputs", kind=ModelInputs).read(generation)
    url = harness.dependencies.get("callback_urls", kind=CallbackUrls).write(Callback("g1", attempt))
    provider: Provider = harness.given["provider"]
    made = await provider.create(model_input.as_request(), webhook=url)
    assert isinstance(made, Created)
    return made.prediction.id


@pytest.mark.parametrize(
    ("outcomes", "taken"),
    [((None, "failed"), 0), (("failed", None), 1), ((None, None), 1), (("failed", "failed"), 1)],
    ids=["first succeeded", "second succeeded", "both succeeded", "none succeeded"],
)
async def test_of_several_predictions_the_newest_that_did_not_fail_is_taken(
    harness: Harness, provider: SandboxProvider, outcomes: Sequence[str | None], taken: int
) -> None:
    system = harness.replace(public_url="https://exemplar.example")
    await system.request("g1")
    await system.step("g1", "validation")
    paid = [await pay(system, provider, outcome, attempt) for attempt, outcome in enumerate(outcomes, 1)]
    await provider.finished()
    await restored(system)
    found = await system.dependencies.get("lost_predictions", kind=LostPredictions).find("g1")
    assert found is not None
    assert found.id == paid[taken]


async def test_many_handlers_list_the_lost_time_once(harness: Harness, provider: SandboxProvider) -> None:
    await restored(harness)
    async with CountedLists(provider.settings, clock=harness.clock) as counted:
        lost = harness.replace(provider=counted).dependencies.get("lost_predictions", kind=LostPredictions)
        assert await asyncio.gather(*(lost.find(f"g{number}") for number in range(5))) == [None] * 5
        assert counted.lists == 1
