"""The follower that ends upstream what nobody waits for, on a real log and a real provider's API."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from uuid_utils import uuid7

from actors.jobs.subscribers import SUBSCRIBERS
from actors.providers.provider import ProviderUnavailableError
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.subscriptions import SUBSCRIPTIONS
from domain.generation.generation import stream_of
from events.envelope import Cause
from events.event import Event
from events.generation import DuplicateFound
from store.generations.generations import Generations
from store.mongo.store import MongoStore
from store.settings import StoreSettings
from tests.actors.conftest import Sandbox
from tests.builders.generation import (
    CANCELED,
    RESERVED,
    VALIDATED,
    failed,
    intended,
    requested,
    settled,
    started,
)
from tests.sandbox.conftest import TOKEN

CAUSE = Cause(actor="actor:test")
OVERDUE = failed("finish_deadline", "deadline", retryable=True)


class SandboxProvider:
    """A follower's desk in front of a sandbox."""

    def __init__(self, store: MongoStore, sandbox: Sandbox) -> None:
        settings = ReplicateSettings(REPLICATE_API_TOKEN=TOKEN, replicate_base_url=sandbox.url)
        self.store, self.sandbox = store, sandbox
        self.model = ReplicateProvider(settings, clock=lambda: datetime.now(UTC))
        generations = Generations(store.events, announce=lambda _: None, clock=lambda: datetime.now(UTC))
        self.hands: Any = SimpleNamespace(generations=generations, model=self.model)
        self.desk: Any = SimpleNamespace(hands=self.hands)

    async def prediction(self) -> str:
        created = (await self.sandbox.post()).json()
        return str(created["id"])

    async def record(self, *facts: Event) -> str:
        """Record a generation whose paid call was made, up to some facts."""
        generation = str(uuid7())
        for version, fact in enumerate((requested(), VALIDATED, RESERVED, intended(), *facts)):
            await self.store.events.append(
                stream_of(generation), version, [fact], cause=CAUSE, time=datetime.now(UTC)
            )
        return generation

    async def follow(self) -> None:
        await self.store.log.seal()
        await SUBSCRIBERS["cancellation"](self.desk, await self.store.log.read(after=0, limit=200))

    async def status(self, prediction: str) -> str:
        return str((await self.sandbox.http.get(f"/v1/predictions/{prediction}")).json()["status"])


@pytest.fixture
async def provider(mongodb_url: str, sandbox: Sandbox) -> AsyncIterator[SandboxProvider]:
    settings = StoreSettings.model_validate({"mongodb_url": mongodb_url})
    store = MongoStore.open(settings, holder="tests", clock=lambda: datetime.now(UTC))
    await store.prepare()
    provider = SandboxProvider(store, sandbox)
    yield provider
    await provider.model.close()
    store.close()


async def test_a_prediction_that_its_owner_wants_no_more_is_ended(provider: SandboxProvider) -> None:
    one = await provider.prediction()
    await provider.record(started(prediction=one), CANCELED)
    await provider.follow()
    assert await provider.status(one) == "canceled"


async def test_a_prediction_whose_generation_is_over_is_ended(provider: SandboxProvider) -> None:
    one = await provider.prediction()
    await provider.record(started(prediction=one), OVERDUE)
    await provider.follow()
    assert await provider.status(one) == "canceled"


async def test_a_second_prediction_is_ended_and_the_first_goes_on(provider: SandboxProvider) -> None:
    first, second = await provider.prediction(), await provider.prediction()
    duplicate = DuplicateFound(attempt=1, prediction=second, predict_seconds=None)
    await provider.record(started(prediction=first), duplicate)
    await provider.follow()
    assert await provider.status(second) == "canceled"
    assert await provider.status(first) in {"starting", "processing"}


async def test_what_somebody_waits_for_is_left_alone(provider: SandboxProvider) -> None:
    wanted, over = await provider.prediction(), await provider.prediction()
    await provider.record(started(prediction=wanted))
    await provider.record(started(prediction=over), settled(prediction=over), CANCELED)
    await provider.record(CANCELED)
    await provider.follow()
    assert {await provider.status(wanted), await provider.status(over)} <= {"starting", "processing"}


async def test_ending_twice_is_ending_once(provider: SandboxProvider) -> None:
    one = await provider.prediction()
    await provider.record(started(prediction=one), CANCELED)
    await provider.follow()
    before = (await provider.sandbox.http.get(f"/v1/predictions/{one}")).json()
    await provider.follow()
    assert (await provider.sandbox.http.get(f"/v1/predictions/{one}")).json() == before


async def test_a_provider_that_does_not_answer_leaves_the_follower_where_it_is(
    provider: SandboxProvider,
) -> None:
    await provider.record(started(prediction="unreachable"), CANCELED)
    nobody = ReplicateSettings(REPLICATE_API_TOKEN=TOKEN, replicate_base_url="http://127.0.0.1:9")
    provider.hands.model = ReplicateProvider(nobody, clock=lambda: datetime.now(UTC))
    with pytest.raises(ProviderUnavailableError):
        await provider.follow()
    await provider.hands.model.close()


async def test_a_prediction_that_starts_after_the_wish_is_ended_by_its_message(
    provider: SandboxProvider,
) -> None:
    one = await provider.prediction()
    generation = await provider.record(CANCELED, started(prediction=one))
    commits = await provider.store.events.read(stream_of(generation))
    [subscription] = [row for row in SUBSCRIPTIONS if row.queue == "cancellation"]
    await subscription.handler(commits[-1].events[-1], hands=provider.hands)
    assert await provider.status(one) == "canceled"
