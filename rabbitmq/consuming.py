import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import dramatiq
import structlog

from events.envelope import RecordedEvent
from rabbitmq.broker import QuorumBroker
from rabbitmq.handling import Handler, HandlerFailedError, Handling
from rabbitmq.session import parameters_of
from rabbitmq.topology import Topology

IDLE_MS = 250

log = structlog.get_logger()


class Consuming:
    """Hand the events of queues to async handlers on the running loop, inside this process.

    One dramatiq actor per queue, `threads` handlers at a time in all, `prefetch` messages per queue (as many
    as threads, unless told). An exception sends the message to the dead-letter queue: the log re-drives it,
    not RabbitMQ.
    """

    def __init__(
        self,
        url: str,
        handlers: Mapping[str, Handler],
        *,
        topology: Topology,
        threads: int = 8,
        prefetch: int | None = None,
        heartbeat: int = 10,
    ) -> None:
        self._parameters = parameters_of(url, heartbeat=heartbeat, name="exemplar worker")
        self._handlers = dict(handlers)
        self._topology = topology
        self._threads = threads
        self._prefetch = prefetch or threads
        self._worker: dramatiq.Worker | None = None
        self._handling: Handling | None = None

    async def start(self) -> None:
        """Begin to consume; RabbitMQ need not be up, consumers try again for ever."""
        self._handling = Handling(asyncio.get_running_loop())
        broker = QuorumBroker(self._parameters, self._topology)
        self._worker = start_worker(
            broker, self._handlers, self._handling, threads=self._threads, prefetch=self._prefetch
        )

    async def stop(self, grace: float = 30.0) -> None:
        """Take nothing new and let running handlers finish; what takes too long is cancelled, comes again."""
        if self._worker is None or self._handling is None:
            return
        worker, self._worker = self._worker, None
        await asyncio.to_thread(worker.stop, int(grace * 1000))
        self._handling.abandon()
        log.info("consuming_stopped")


def start_worker(
    broker: dramatiq.Broker,
    handlers: Mapping[str, Handler],
    handling: Handling,
    *,
    threads: int,
    prefetch: int,
    read: Callable[[Any], RecordedEvent] = lambda event: event,
) -> dramatiq.Worker:
    """Declare one actor per queue and start dramatiq's threads; `read` makes an actor's argument an event."""
    for queue, handler in handlers.items():
        declare = dramatiq.actor(broker=broker, actor_name=queue, queue_name=queue, throws=HandlerFailedError)
        declare(_body(handling, queue, handler, read))
    worker = dramatiq.Worker(broker, queues=set(handlers), worker_threads=threads, worker_timeout=IDLE_MS)
    worker.queue_prefetch = prefetch
    worker.start()
    return worker


def _body(
    handling: Handling, queue: str, handler: Handler, read: Callable[[Any], RecordedEvent]
) -> Callable[[Any], None]:
    def call(argument: Any) -> None:
        handling.run(queue, handler, read(argument))

    return call
