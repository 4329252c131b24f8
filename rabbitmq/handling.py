"""From a worker's thread to an async handler on our loop, and back."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

import structlog
from dramatiq.broker import Broker, MessageProxy
from dramatiq.middleware import Middleware
from structlog.contextvars import bound_contextvars

from events.envelope import RecordedEvent
from store.errors import StoreUnavailableError

Handler = Callable[[RecordedEvent], Awaitable[None]]

_GENERATIONS = "generation-"

log = structlog.get_logger()


class HandlerFailedError(Exception):
    """A handler raised, which is logged already; the stream is re-driven later."""


class LoggedFailures(Middleware):
    """A failed call is done: what the handler raised was logged once, by us."""

    @property
    def actor_options(self) -> set[str]:
        return {"throws"}  # dramatiq's name for exceptions that it need not log


class DeadLetterFailures(LoggedFailures):
    """A failed call is neither repeated nor done: its message goes to the dead-letter queue."""

    def after_process_message(
        self,
        _broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is not None:
            message.fail()


class Handling:
    """Run handlers on one loop for threads that wait for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._running: set[Future[None]] = set()
        self._abandoned = False

    def run(self, queue: str, handler: Handler, event: RecordedEvent) -> None:
        """Run a handler to its end, from a thread; `HandlerFailedError` when it raises."""
        future = asyncio.run_coroutine_threadsafe(handle(queue, handler, event), self._loop)
        self._running.add(future)
        if self._abandoned:
            future.cancel()
        try:
            future.result()
        finally:
            self._running.discard(future)

    def abandon(self) -> None:
        """Cancel what still runs; its messages stay unanswered."""
        self._abandoned = True
        for future in list(self._running):
            future.cancel()


async def handle(queue: str, handler: Handler, event: RecordedEvent) -> None:
    """Call a handler with its names in every log line; log what it raises, without the event's data."""
    with bound_contextvars(
        queue=queue,
        stream=event.stream,
        event_id=event.id,
        event_type=event.type,
        request_id=event.cause.request_id,
        **_subject(event),
    ):
        try:
            await handler(event)
        except StoreUnavailableError as error:
            log.warning("store_unavailable", error=type(error).__name__)
            raise HandlerFailedError(f"{queue} could not handle {event.id}") from error
        except Exception as error:
            log.exception("handler_failed")
            raise HandlerFailedError(f"{queue} could not handle {event.id}") from error


def _subject(event: RecordedEvent) -> dict[str, str]:
    generation = event.stream.removeprefix(_GENERATIONS)
    return {"generation_id": generation} if generation != event.stream else {}
