"""The subscribers of the sealed log run actors for what is missing, and for nothing else."""

from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.generation.generation import stream_of
from events.envelope import RecordedEvent
from events.event import Event
from events.generation import Owner
from events.invocation import DuplicateFound
from events.owner import CancelRequested, GenerationErased
from events.quota import QuotaSettled
from events.webhook import WebhookRegistered
from store.generations.personal_data import PersonalData
from store.webhooks.endpoints import EndpointUrl
from tests.actors.harness import BY_TEST, UNLIMITED, Harness
from tests.builders.generation import COMPLETED, TO_COMPLETED, TO_FAILED, TO_STARTED, failed, requested, started

SETTLED_QUOTA = QuotaSettled(outcome="spent", period="2026-11")
DUPLICATE = DuplicateFound(attempt=1, prediction="another", predict_seconds=None)


@dataclass
class Ran:
    """Records which actor was run on which event."""

    events: list[str] = field(default_factory=list)

    async def __call__(self, queue: str, event: RecordedEvent) -> None:
        self.events.append(f"{queue} {event.stream}:{event.type.partition('.')[2]}")


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def idle(harness: Harness, ran: Ran) -> Harness:
    """A system whose actors only record that they were run."""
    return harness.replace(run_actor=ran)


async def record(harness: Harness, name: str, *events: Event) -> None:
    """Append events, one commit each, and seal them."""
    for version, event in enumerate(events):
        await harness.store.events.append(stream_of(name), version, [event], cause=BY_TEST, time=harness.clock())
    await harness.store.sealed_log.seal()


async def hold(harness: Harness, name: str) -> None:
    await harness.store.ledger.hold("dev-1", name, period="2026-11", bounds=UNLIMITED, now=harness.clock())


async def test_a_settled_generation_without_a_slot_is_not_settled_again(idle: Harness, ran: Ran) -> None:
    await record(idle, "g1", *TO_COMPLETED, SETTLED_QUOTA)
    await idle.catch_up("settlement")
    assert ran.events == []


async def test_a_slot_that_a_crash_left_behind_the_settled_event_is_found(idle: Harness, ran: Ran) -> None:
    await hold(idle, "g1")
    await record(idle, "g1", *TO_COMPLETED, SETTLED_QUOTA)
    await idle.catch_up("settlement")
    assert ran.events == ["quota generation-g1:completed"]


async def test_a_final_generation_without_a_settled_event_is_settled(idle: Harness, ran: Ran) -> None:
    await record(idle, "g1", *TO_FAILED)
    await idle.catch_up("settlement")
    assert ran.events == ["quota generation-g1:failed"]


async def test_only_predictions_that_run_in_vain_are_canceled(idle: Harness, ran: Ran) -> None:
    await record(idle, "wanted", *TO_STARTED)
    await record(idle, "ended", *TO_COMPLETED)
    await record(idle, "never-sent", *TO_FAILED)
    await record(idle, "canceled", *TO_STARTED, CancelRequested())
    await record(idle, "too-late", requested(), failed("start_deadline", "deadline"), started())
    await record(idle, "twice", *TO_COMPLETED, DUPLICATE)
    await idle.catch_up("cancellation")
    assert sorted(set(ran.events)) == [
        "cancellation generation-canceled:cancel_requested",
        "cancellation generation-canceled:started",
        "cancellation generation-too-late:failed",
        "cancellation generation-too-late:started",
        "cancellation generation-twice:duplicate_found",
    ]


async def test_an_erased_generation_is_erased(idle: Harness, ran: Ran) -> None:
    await record(idle, "g1", *TO_FAILED, GenerationErased())
    await idle.catch_up("erasure")
    assert ran.events == ["erasure generation-g1:erased"]


async def test_without_an_endpoint_or_a_webhook_no_delivery_is_looked_for(idle: Harness, ran: Ran) -> None:
    await record(idle, "g1", *TO_COMPLETED)
    await idle.catch_up("delivery")
    assert ran.events == []


async def test_the_webhook_of_a_request_is_looked_for(idle: Harness, ran: Ran) -> None:
    data = PersonalData("g1", "token-1", b"s", "{}", (None,), idle.clock(), webhook="https://a.example/")
    await idle.store.personal_data.put(data)
    await record(idle, "g1", *TO_COMPLETED)
    await record(idle, "g2", *TO_COMPLETED)
    await idle.catch_up("delivery")
    assert ran.events == ["delivery generation-g1:completed"]


async def test_an_endpoint_registered_just_before_an_event_gets_it_although_none_was_remembered(
    harness: Harness,
) -> None:
    scheduler = harness.dependencies.call(DeliveryScheduler)
    await record(harness, "g1", requested(owner=Owner(developer="dev-1", project="prj-1", user="usr-1")))
    await scheduler.schedule("g1")  # this process remembers: the project has no endpoint
    await register(harness.replace())  # another process
    event = failed("invalid_image", "validation")
    await harness.store.events.append(stream_of("g1"), 1, [event], cause=BY_TEST, time=harness.clock())
    await scheduler.schedule("g1")
    deliveries = harness.store.database.get_collection("webhook_deliveries")
    assert await deliveries.count_documents({}) == 0, "it still believes that there is none"

    await harness.store.sealed_log.seal()
    await harness.catch_up("delivery")

    assert [row["type"] async for row in deliveries.find({})] == [event.type]


async def register(harness: Harness) -> None:
    url = EndpointUrl("0" * 64, "https://receiver.example/", b"salt")
    types = (COMPLETED.type, "generation.failed")
    event = WebhookRegistered(developer="dev-1", project="prj-1", url=url.digest, event_types=types)
    webhooks = harness.dependencies.get("webhooks")
    await webhooks.register(str(uuid4()), event, url=url, description=None, limit=9, cause=BY_TEST)
