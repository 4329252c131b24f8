"""dramatiq's middleware around the actors, which run concurrently on one loop."""

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import dramatiq
import pika
import pytest
from dramatiq.broker import Broker, MessageProxy
from dramatiq.middleware import CurrentMessage, Middleware, SkipMessage
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from actors.broker import EventActor, EventBroker, broker
from actors.jobs.subscribers import SUBSCRIBERS
from actors.runner import ActorRunner, MessageRejectedError
from actors.subscriptions import ACTORS, QUEUES, ReactionError, checked_broker
from events.catalogue import CATALOGUE
from events.envelope import RecordedEvent
from exemplar.injection import Dependencies, UnknownDependencyError
from rabbitmq.consumer import Consumer
from rabbitmq.message import body_of
from rabbitmq.topology import topology
from store.errors import StoreUnavailableError
from tests.rabbitmq.commits import Commits

ROOT = Path(__file__).parents[2]
QUEUE = "validation"


class Metrics(Middleware):
    """Counts calls by outcome, as a metrics middleware does."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.running = 0

    def before_process_message(self, _broker: Broker, message: MessageProxy) -> None:
        self.running += 1

    def after_process_message(
        self,
        _broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        self.running -= 1
        self.counts["failed" if exception else "succeeded"] += 1

    def after_skip_message(self, _broker: Broker, _message: MessageProxy) -> None:
        self.counts["skipped"] += 1


class Rejecting(Middleware):
    """Skips or rejects every message."""

    def __init__(self, *, skip: bool) -> None:
        self._skip = skip

    def before_process_message(self, _broker: Broker, message: MessageProxy) -> None:
        if self._skip:
            raise SkipMessage("not today")
        message.fail()


def runner_of(handle: Callable[[RecordedEvent], Awaitable[None]], *middleware: Middleware) -> ActorRunner:
    broker = EventBroker()
    for one in middleware:
        broker.add_middleware(one)
    dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=QUEUE, queue_name=QUEUE)(handle)
    return ActorRunner(broker, Dependencies({}).bind)


async def test_concurrent_actors_see_their_own_message_and_a_metrics_middleware_every_outcome() -> None:
    events = [Commits().progressed(percent).events[0] for percent in range(20)]
    seen: dict[str, str] = {}
    together = asyncio.Barrier(len(events))

    async def handle(event: RecordedEvent) -> None:
        await together.wait()
        message = CurrentMessage.get_current_message()
        assert message is not None
        seen[event.id] = message.message_id
        await asyncio.sleep(0)
        assert CurrentMessage.get_current_message() is message
        assert get_contextvars()["event_id"] == event.id
        if event in events[:5]:
            raise ZeroDivisionError

    metrics = Metrics()
    run_actor = runner_of(handle, CurrentMessage(), metrics)
    outcomes = await asyncio.gather(*(run_actor(QUEUE, event) for event in events), return_exceptions=True)

    assert seen == {event.id: event.id for event in events}
    assert [type(outcome) for outcome in outcomes[:5]] == [ZeroDivisionError] * 5
    assert outcomes[5:] == [None] * 15
    assert metrics.counts == {"failed": 5, "succeeded": 15}
    assert metrics.running == 0


async def test_a_canceled_actor_is_counted_as_failed_and_logged_as_nothing() -> None:
    async def handle(event: RecordedEvent) -> None:
        await asyncio.Event().wait()

    metrics = Metrics()
    with capture_logs() as logs:
        running = asyncio.create_task(runner_of(handle, metrics)(QUEUE, Commits().progressed().events[0]))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
    assert running.cancelled()
    assert (metrics.counts, logs) == ({"failed": 1}, [])


@pytest.mark.parametrize(
    ("error", "level", "line"),
    [
        (ZeroDivisionError("secret"), "error", "handler_failed"),
        (StoreUnavailableError("away"), "warning", "store_unavailable"),
    ],
)
async def test_a_failure_is_logged_once(error: Exception, level: str, line: str) -> None:
    async def handle(event: RecordedEvent) -> None:
        raise error

    with capture_logs() as logs, pytest.raises(type(error)):
        await runner_of(handle)(QUEUE, Commits().progressed().events[0])
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [(level, line)]


async def test_middleware_can_skip_or_reject_a_message() -> None:
    called: list[RecordedEvent] = []

    async def handle(event: RecordedEvent) -> None:
        called.append(event)

    metrics, [event] = Metrics(), Commits().progressed().events
    await runner_of(handle, metrics, Rejecting(skip=True))(QUEUE, event)
    with pytest.raises(MessageRejectedError):
        await runner_of(handle, metrics, Rejecting(skip=False))(QUEUE, event)
    assert called == []
    assert metrics.counts["skipped"] == 1


async def test_from_the_delivered_message_to_the_actor_are_at_most_four_calls() -> None:
    """Count the frames of the product: the callback of the channel, then the task that it starts."""
    frames: list[str] = []

    async def handle(event: RecordedEvent) -> None:
        frame = inspect.currentframe()
        while frame is not None:
            if Path(frame.f_code.co_filename).parent.parent in (ROOT, ROOT / "tests"):
                frames.append(frame.f_code.co_name)
            frame = frame.f_back

    [event] = Commits().progressed().events
    consumer = Consumer("amqp://127.0.0.1:1", runner_of(handle), topology=topology({QUEUE: ["#"]}))
    deliveries: Any = Deliveries()
    properties = pika.BasicProperties()
    consumer._on_message(QUEUE, deliveries, None, Delivery(), properties, body_of(event))
    await asyncio.wait_for(deliveries.done_tags.get(), 5)
    assert [*frames, "_on_message"] == ["handle", "__call__", "_handle", "_on_message"]


class Delivery:
    delivery_tag = 1


class Deliveries:
    """The acknowledgements of a channel."""

    def __init__(self) -> None:
        self.done_tags: asyncio.Queue[int] = asyncio.Queue()

    def expect(self, _tag: int) -> None: ...

    def done(self, tag: int) -> None:
        self.done_tags.put_nowait(tag)


def test_an_actor_cannot_be_sent() -> None:
    with pytest.raises(RuntimeError, match="called by its event"):
        broker.get_actor(QUEUE).send("a copy")


def test_an_unknown_dependency_of_an_actor_is_named() -> None:
    async def handle(event: RecordedEvent, *, generatoins: object) -> None: ...

    own: Any = handle
    with pytest.raises(UnknownDependencyError, match="handle needs `generatoins`"):
        runner_of(own)


def test_each_reaction_has_an_actor_or_subscriber_and_each_of_those_a_reaction() -> None:
    checked_broker()
    assert set(ACTORS) == set(broker.actors) == set(QUEUES)
    assert set(SUBSCRIBERS) == set(CATALOGUE.subscribers)


def test_a_reaction_without_an_actor_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ACTORS, "quota")
    with pytest.raises(ReactionError, match="quota"):
        checked_broker()
