"""The dramatiq broker on which the actors are declared. Declaring an actor opens and sends nothing."""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import dramatiq
import structlog
from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware

from store.errors import StoreUnavailableError

log = structlog.get_logger()


class EventActor(dramatiq.Actor[..., Any]):
    """An actor whose coroutine function runs on the event loop of its caller.

    dramatiq wraps a coroutine function for its worker threads; `ActorRunner` needs the function itself.
    """

    def __init__(self, fn: Callable[..., Any], **options: Any) -> None:
        super().__init__(fn, **options)
        self.fn = fn


LOGGED = "logged by the broker"
"""Note of an exception whose trace is in the log already."""


class FailureLog(Middleware):
    """Log what an actor raised, without the data of its event; who catches it does not repeat the trace."""

    def after_process_message(
        self,
        _broker: dramatiq.Broker,
        _message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        match exception:
            case None | asyncio.CancelledError():
                pass
            case StoreUnavailableError():
                log.warning("store_unavailable", error=type(exception).__name__)
            case _:
                log.error("handler_failed", exc_info=exception)
                exception.add_note(LOGGED)


class Redelivery(Middleware):
    """Add the option `redelivery`: False for an actor that moves no generation to its next state."""

    @property
    def actor_options(self) -> set[str]:
        return {"redelivery"}


class EventBroker(dramatiq.Broker):
    """Hold the actors and the middleware. Messages are sent by the publisher of the log, never from here."""

    def __init__(self) -> None:
        super().__init__(middleware=[FailureLog(), Redelivery()])

    def declare_queue(self, queue_name: str) -> None:
        """Make a queue known; the topology declares it in RabbitMQ."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = queue_name
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> NoReturn:
        """Refuse: the publisher sends what is in the log; a copy sent from here could be lost."""
        raise RuntimeError(f"{message.actor_name} is called by its event, not by send()")


broker = EventBroker()
