import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any

import structlog
from pika.exceptions import AMQPError

from events.envelope import RecordedEvent
from rabbitmq.acknowledgements import Acknowledgements
from rabbitmq.handler_progress import HandlerProgress
from rabbitmq.link import Link
from rabbitmq.message import UnreadableMessageError, event_of, traceparent_of
from rabbitmq.session import CLOSE_TIMEOUT_S, LinkLostError, Session
from rabbitmq.topology import Topology
from store.tracing import NO_TRACER, Tracer

RunActor = Callable[[str, RecordedEvent], Awaitable[None]]
"""Called with the name of a queue and an event; raises when the event could not be handled."""

log = structlog.get_logger()


class Consumer(Link):
    """Handle the events of a topology's queues, all or some, on the running loop, over one connection.

    Of each queue at most `prefetch` events are handled at the same time, so that a slow queue delays no
    other. When `run_actor` raises, the message goes to the dead-letter queue: the event is redelivered from
    the log, not by RabbitMQ.
    """

    def __init__(
        self,
        amqp_url: str,
        run_actor: RunActor,
        *,
        topology: Topology,
        own_queues: Collection[str] | None = None,
        prefetch: int = 16,
        heartbeat: int = 10,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        super().__init__(amqp_url, name="exemplar worker", heartbeat=heartbeat)
        self._run_actor, self._tracer = run_actor, tracer
        self._topology = topology
        self._queues = topology.queues if own_queues is None else own_queues
        self._prefetch = prefetch
        self._consumers: dict[str, Session] = {}
        self._acknowledgements: Acknowledgements | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.progress = HandlerProgress()
        self._stopping = False
        self._session: Session | None = None

    @property
    def consuming(self) -> bool:
        """Whether RabbitMQ sends messages of all queues now."""
        return self._session is not None and not self._session.lost.done()

    async def close(self, grace: float = 12.0) -> None:
        """Take nothing new; cancel handlers after `grace` seconds: their events are delivered again."""
        self._stopping = True
        await self._cancel_consumers()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._acknowledgements is not None:
            self._acknowledgements.flush()
        await super().close()
        log.info("consuming_stopped")

    async def _serve(self, session: Session) -> None:
        acknowledgements = self._acknowledgements = Acknowledgements(session)
        await session.declare(self._topology)
        await session.ask(session.channel.basic_qos, prefetch_count=self._prefetch)
        session.channel.add_on_cancel_callback(lambda _: session.channel.close())  # a queue was deleted
        for queue in self._queues:
            await self._consume(session, queue, partial(self._on_message, queue, acknowledgements))
        self._session = session
        log.info("consuming", queues=sorted(self._queues))
        raise LinkLostError(str(await session.lost))

    async def _consume(self, session: Session, queue: str, on_message: Callable[..., None]) -> None:
        if not self._stopping:
            self._consumers[queue] = session
            await session.ask(
                session.channel.basic_consume,
                queue=self._topology.queue(queue),
                consumer_tag=queue,
                on_message_callback=on_message,
            )

    async def _cancel_consumers(self) -> None:
        """Ask RabbitMQ to send nothing more; a lost connection has done so already."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                for queue, session in self._consumers.items():
                    if not session.lost.done() and session.channel.is_open:
                        await session.ask(session.channel.basic_cancel, consumer_tag=queue)
        except (AMQPError, LinkLostError, TimeoutError) as error:
            log.debug("consumers_not_cancelled", reason=error)

    def _on_message(
        self,
        queue: str,
        acknowledgements: Acknowledgements,
        _channel: Any,
        method: Any,
        properties: Any,
        body: bytes,
    ) -> None:
        acknowledgements.expect(method.delivery_tag)
        if self._stopping:
            return  # unacknowledged, so that another worker gets it
        try:
            event = event_of(body)
        except UnreadableMessageError as error:
            message_id = str(properties.message_id)[:200]
            log.warning("message_refused", queue=queue, message_id=message_id, reason=error)
            acknowledgements.dead_letter(method.delivery_tag)
            return
        with self._tracer.within(traceparent_of(properties)):  # the task takes it along
            task = asyncio.create_task(self._handle(queue, event, method.delivery_tag, acknowledgements))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(self, queue: str, event: RecordedEvent, tag: int, acknowledgements: Acknowledgements) -> None:
        try:
            with self.progress.handling():
                await self._run_actor(queue, event)
        except Exception:  # noqa: BLE001 - the runner has logged it
            acknowledgements.dead_letter(tag)
        else:
            acknowledgements.done(tag)
