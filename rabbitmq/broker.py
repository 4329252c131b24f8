"""dramatiq's actors, one for each queue, called by the events of the log and on the running loop."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import dramatiq
import structlog
from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware
from structlog.contextvars import bound_contextvars

from events.envelope import RecordedEvent
from store.errors import StoreUnavailableError

Handler = Callable[[RecordedEvent], Awaitable[None]]

log = structlog.get_logger()


class HandlerFailedError(Exception):
    """A handler raised, which is logged already; the stream is re-driven later."""


class FailedCalls(Middleware):
    """A failed call is neither repeated nor done: whoever delivered the message is told that it failed."""

    def after_process_message(
        self,
        _broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is not None:
            message.fail()


class EventBroker(dramatiq.Broker):
    """Know the actors and call them: nothing is sent from here, nothing delayed, no thread waits.

    Whoever consumes (`Consuming` over RabbitMQ, `InProcessBus` without) hands in a message and answers it.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        super().__init__(middleware=[FailedCalls()])
        for queue, handler in handlers.items():
            dramatiq.actor(broker=self, actor_name=queue, queue_name=queue)(_body(queue, handler))

    def declare_queue(self, queue_name: str) -> None:
        """Make a queue known; what exists in RabbitMQ is the topology's."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = queue_name
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> NoReturn:
        """Refuse: `Publisher` publishes what is in the log; a copy sent from here could be lost."""
        raise RuntimeError(f"{message.actor_name} is called by its event, not by send()")

    async def call(self, queue: str, event: RecordedEvent) -> bool:
        """Let the actor of a queue handle an event; False when it failed, which is logged then."""
        message = MessageProxy(_message(queue, event))
        self.emit_before("process_message", message)
        try:
            await self.get_actor(queue)(event)
        except HandlerFailedError as error:
            self.emit_after("process_message", message, exception=error)
        else:
            self.emit_after("process_message", message, result=None)
        return not message.failed


def _body(queue: str, handler: Handler) -> Callable[[RecordedEvent], Awaitable[None]]:
    """Make an actor's body: a plain function that returns what is awaited, as dramatiq runs no loop here."""

    def call(event: RecordedEvent) -> Awaitable[None]:
        return _handle(queue, handler, event)

    return call


async def _handle(queue: str, handler: Handler, event: RecordedEvent) -> None:
    """Call a handler with its names in every log line; log what it raises, without the event's data."""
    with bound_contextvars(
        queue=queue, event_id=event.id, event_type=event.type, request_id=event.cause.request_id
    ):
        try:
            await handler(event)
        except StoreUnavailableError as error:
            log.warning("store_unavailable", error=type(error).__name__)
            raise HandlerFailedError(f"{queue} could not handle {event.id}") from error
        except Exception as error:
            log.exception("handler_failed")
            raise HandlerFailedError(f"{queue} could not handle {event.id}") from error


def _message(queue: str, event: RecordedEvent) -> Message[Any]:
    """Make an event the call of the actor that owns the queue."""
    return Message(
        queue_name=queue,
        actor_name=queue,
        args=(event,),
        kwargs={},
        options={},
        message_id=event.id,
        message_timestamp=int(event.time.timestamp() * 1000),
    )
