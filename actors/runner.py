from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import dramatiq
import structlog
from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.middleware import SkipMessage
from structlog.contextvars import bound_contextvars

from actors.actor_metrics import ActorMetrics
from domain.generation.generation import id_of, is_generation
from events.envelope import RecordedEvent
from metrics.metrics import NO_METRICS, Metrics
from store.crash_points import crash_point
from store.errors import StoreUnavailableError
from store.failed.dead_letters import DeadLetters
from store.fault_name import fault_name
from store.tracing import NO_TRACER, Span, Tracer

Bind = Callable[..., Callable[[RecordedEvent], Awaitable[None]]]
log = structlog.get_logger()

RunActor = Callable[[str, RecordedEvent], Awaitable[None]]  # also in rabbitmq/, which actors/ may not import


class MessageRejectedError(Exception):
    """Middleware marked the message as failed without raising."""

    holds_no_data = True


class ActorRunner:
    """Call actors on the running loop as dramatiq's worker calls them on its threads (docs/adr/14).

    `bind` fills in the dependencies that an actor's function names beside its event. Every log line inside
    an actor carries the ids of its event. What an actor raises is kept as a dead letter, if there are any.
    """

    def __init__(
        self,
        broker: dramatiq.Broker,
        bind: Bind,
        dead_letters: DeadLetters | None = None,
        metrics: Metrics = NO_METRICS,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        if metrics.enabled:
            broker.add_middleware(ActorMetrics(metrics))
        self._broker, self._tracer = broker, tracer
        self._dead_letters = dead_letters
        self._functions = {actor.queue_name: bind(actor.fn, given=["event"]) for actor in broker.actors.values()}

    async def __call__(self, queue: str, event: RecordedEvent) -> None:
        """Run the actor of a queue; raises what it raises, and MessageRejectedError."""
        message = _message(queue, event)
        crash_point(queue, "begin")
        with bound_contextvars(**_ids(queue, event)), self._span(queue, event):
            try:
                self._broker.emit_before("process_message", message)
                if not message.failed:
                    await self._functions[queue](event)
            except SkipMessage:
                self._broker.emit_after("skip_message", message)
            except BaseException as error:
                self._broker.emit_after("process_message", message, exception=error)
                await self._keep(queue, event, error)
                raise
            else:
                self._broker.emit_after("process_message", message, result=None)
        if message.failed:
            raise MessageRejectedError(f"middleware rejected {event.id} for {queue}")
        crash_point(queue, "before_ack")

    def _span(self, queue: str, event: RecordedEvent) -> AbstractContextManager[Span]:
        about = {"exemplar.queue": queue, "exemplar.event_type": event.type}
        if is_generation(event.stream):  # other streams are named after a person or a project
            about["exemplar.event"] = event.id
        return self._tracer.span(f"process {queue}", "consumer", parent=event.cause.traceparent, attributes=about)

    async def _keep(self, queue: str, event: RecordedEvent, error: BaseException) -> None:
        """Keep a failed call; a cancelled one, and one without a store, is none."""
        if self._dead_letters is None or isinstance(error, StoreUnavailableError) or not isinstance(error, Exception):
            return
        try:
            await self._dead_letters.record(queue, event, fault_name(error))
        except Exception as fault:  # noqa: BLE001 - the caller gets what the actor raised
            log.warning("dead_letter_not_kept", queue=queue, event_id=event.id, error=fault)


def _message(queue: str, event: RecordedEvent) -> MessageProxy:
    message: Message[Any] = Message(
        queue_name=queue,
        actor_name=queue,
        args=(event,),
        kwargs={},
        options={},
        message_id=event.id,
        message_timestamp=int(event.time.timestamp() * 1000),
    )
    return MessageProxy(message)


def _ids(queue: str, event: RecordedEvent) -> dict[str, str | None]:
    ids = {
        "queue": queue,
        "stream": event.stream,
        "event_id": event.id,
        "event_type": event.type,
        "request_id": event.cause.request_id,
    }
    return {**ids, "generation_id": id_of(event.stream)} if is_generation(event.stream) else ids
