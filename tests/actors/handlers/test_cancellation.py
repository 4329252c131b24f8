"""The subscriber that cancels unwanted predictions, on a real log and a sandbox."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from uuid_utils import uuid7

from actors.handlers import cancellation
from actors.jobs.subscribers import cancel
from actors.providers.provider import ProviderUnavailableError
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from domain.generation.generation import stream_of
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.invocation import DuplicateFound
from store.generations.generations import Generations
from tests.actors.calls import call
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
from tests.stores import OpenStore

CAUSE = Cause(actor="actor:test")
OVERDUE = failed("finish_deadline", "deadline", retryable=True)


class Canceling:
    """The cancellation subscriber and a provider."""

    def __init__(self, store: OpenStore, sandbox: Sandbox, url: str) -> None:
        settings = ReplicateSettings(REPLICATE_API_TOKEN=TOKEN, replicate_base_url=url)
        self.store, self.sandbox = store, sandbox
        self.provider = ReplicateProvider(settings, clock=lambda: datetime.now(UTC))
        self.generations = Generations(store.events, announce=lambda _: None, clock=lambda: datetime.now(UTC))

    async def prediction(self) -> str:
        created = (await self.sandbox.post()).json()
        return str(created["id"])

    async def record(self, *facts: Event) -> str:
        """Record a generation up to its paid call, then further events."""
        generation = str(uuid7())
        for version, fact in enumerate((requested(), VALIDATED, RESERVED, intended(), *facts)):
            await self.store.events.append(stream_of(generation), version, [fact], cause=CAUSE, time=datetime.now(UTC))
        return generation

    async def run_actor(self, queue: str, event: RecordedEvent) -> None:
        assert queue == cancellation.NAME
        await call(cancellation.handle, event, generations=self.generations, provider=self.provider)

    async def catch_up(self) -> None:
        await self.store.sealed_log.seal()
        entries = await self.store.sealed_log.read(after=0, limit=200)
        log = self.store.sealed_log
        await cancel(entries, events=self.store.events, sealed_log=log, run_actor=self.run_actor)

    async def status(self, prediction: str) -> str:
        return str((await self.sandbox.http.get(f"/v1/predictions/{prediction}")).json()["status"])


@pytest.fixture
async def canceling(store: OpenStore, sandbox: Sandbox) -> AsyncIterator[Canceling]:
    canceling = Canceling(store, sandbox, sandbox.url)
    yield canceling
    await canceling.provider.close()


async def test_the_prediction_of_a_canceled_generation_is_canceled(canceling: Canceling) -> None:
    one = await canceling.prediction()
    await canceling.record(started(prediction=one), CANCELED)
    await canceling.catch_up()
    assert await canceling.status(one) == "canceled"


async def test_the_prediction_of_a_failed_generation_is_canceled(canceling: Canceling) -> None:
    one = await canceling.prediction()
    await canceling.record(started(prediction=one), OVERDUE)
    await canceling.catch_up()
    assert await canceling.status(one) == "canceled"


async def test_a_duplicate_prediction_is_canceled_and_the_first_continues(canceling: Canceling) -> None:
    first, second = await canceling.prediction(), await canceling.prediction()
    duplicate = DuplicateFound(attempt=1, prediction=second, predict_seconds=None)
    await canceling.record(started(prediction=first), duplicate)
    await canceling.catch_up()
    assert await canceling.status(second) == "canceled"
    assert await canceling.status(first) in {"starting", "processing"}


async def test_a_wanted_or_settled_prediction_is_left_alone(canceling: Canceling) -> None:
    wanted, over = await canceling.prediction(), await canceling.prediction()
    await canceling.record(started(prediction=wanted))
    await canceling.record(started(prediction=over), settled(prediction=over), CANCELED)
    await canceling.record(CANCELED)
    await canceling.catch_up()
    assert {await canceling.status(wanted), await canceling.status(over)} <= {"starting", "processing"}


async def test_canceling_is_repeatable(canceling: Canceling) -> None:
    one = await canceling.prediction()
    await canceling.record(started(prediction=one), CANCELED)
    await canceling.catch_up()
    before = (await canceling.sandbox.http.get(f"/v1/predictions/{one}")).json()
    await canceling.catch_up()
    assert (await canceling.sandbox.http.get(f"/v1/predictions/{one}")).json() == before


async def test_a_provider_that_does_not_answer_fails_the_subscriber(store: OpenStore, sandbox: Sandbox) -> None:
    canceling = Canceling(store, sandbox, "http://127.0.0.1:9")
    await canceling.record(started(prediction="unreachable"), CANCELED)
    with pytest.raises(ProviderUnavailableError):
        await canceling.catch_up()
    await canceling.provider.close()


async def test_a_prediction_that_starts_after_the_cancel_request_is_canceled_by_its_message(
    canceling: Canceling,
) -> None:
    one = await canceling.prediction()
    generation = await canceling.record(CANCELED, started(prediction=one))
    commits = await canceling.store.events.read(stream_of(generation))
    await canceling.run_actor("cancellation", commits[-1].events[-1])
    assert await canceling.status(one) == "canceled"
