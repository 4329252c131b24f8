import asyncio
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import pika
import structlog
from pika.channel import Channel

from events.envelope import RecordedEvent
from rabbitmq.depths import Depth, depths_of
from rabbitmq.message import properties_of
from rabbitmq.session import Session
from rabbitmq.topology import Topology, key_of
from store.tracing import NO_TRACER, Tracer

log = structlog.get_logger()


class PublishOutcome(Enum):
    """The outcome of a publish: in every bound queue, in none, refused by RabbitMQ, or unknown."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class ConfirmedChannel:
    """Publish to the exchange without waiting; confirms arrive pipelined (publisher confirms, `mandatory`).

    An event is in flight at most once at a time, so that a returned message is known by its id: RabbitMQ
    sends `basic.return` before the confirm of the same message.
    """

    def __init__(self, session: Session, topology: Topology, tracer: Tracer = NO_TRACER) -> None:
        self._session = session
        self._topology, self._tracer = topology, tracer
        self._now = asyncio.get_running_loop().time
        self._last_confirm = self._now()
        self._last_tag = 0
        self._waiting: dict[int, tuple[str, asyncio.Future[PublishOutcome]]] = {}
        self._returned: set[str] = set()
        self._declaring: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Declare the topology and switch the channel to confirm mode."""
        await self._session.declare(self._topology)
        self._session.channel.add_on_return_callback(self._on_return)
        await self._session.ask(self._session.channel.confirm_delivery, ack_nack_callback=self._on_confirm)

    def publish(self, event: RecordedEvent, body: bytes, queues: Iterable[str]) -> asyncio.Future[PublishOutcome]:
        """Publish one persistent message for some actors; pika's `AMQPError` when the channel is closed."""
        if not self._waiting:
            self.touch()
        self._session.channel.basic_publish(
            exchange=self._topology.exchange,
            routing_key=event.type,
            body=body,
            properties=properties_of(event, map(key_of, queues), traceparent=self._tracer.traceparent()),
            mandatory=True,
        )
        self._last_tag += 1
        outcome: asyncio.Future[PublishOutcome] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_tag] = (event.id, outcome)
        return outcome

    async def redeclare(self) -> None:
        """Declare the topology again; concurrent callers share one declaration."""
        if self._declaring is None or self._declaring.done():
            log.warning("rabbitmq_topology_declared_again", exchange=self._topology.exchange)
            self._declaring = asyncio.create_task(self._session.declare(self._topology))
        await asyncio.shield(self._declaring)

    async def waiting(self) -> dict[str, int]:
        """Count the messages that wait in each queue; a queue without a consumer counts as empty."""
        declare, counts = self._session.channel.queue_declare, {}
        for name in self._topology.queues:
            found = (await self._session.ask(declare, queue=self._topology.queue(name), passive=True)).method
            counts[name] = found.message_count if found.consumer_count else 0
        return counts

    async def depths(self) -> Mapping[str, Depth]:
        """Count messages, workers and dead letters of each queue."""
        return await depths_of(self._session, self._topology)

    def silent_for(self) -> float:
        """Return the seconds since the last confirm while one is expected; else 0."""
        return self._now() - self._last_confirm if self._waiting else 0.0

    def touch(self) -> None:
        """Start the measurement of `silent_for` again."""
        self._last_confirm = self._now()

    def give_up(self) -> None:
        """End every publish that has no confirm as unknown."""
        for tag in list(self._waiting):
            self._settle(tag, PublishOutcome.UNKNOWN)

    def _on_return(self, _channel: Channel, _method: Any, properties: pika.BasicProperties, _body: bytes) -> None:
        self._returned.add(str(properties.message_id))

    def _on_confirm(self, frame: Any) -> None:
        self.touch()
        confirm = frame.method
        outcome = PublishOutcome.CONFIRMED if isinstance(confirm, pika.spec.Basic.Ack) else PublishOutcome.REFUSED
        if not confirm.multiple:
            self._settle(confirm.delivery_tag, outcome)
            return
        while self._waiting and (tag := next(iter(self._waiting))) <= confirm.delivery_tag:
            self._settle(tag, outcome)

    def _settle(self, tag: int, outcome: PublishOutcome) -> None:
        event_id, future = self._waiting.pop(tag)
        returned = event_id in self._returned
        self._returned.discard(event_id)
        if not future.done():
            future.set_result(PublishOutcome.RETURNED if returned and outcome is PublishOutcome.CONFIRMED else outcome)
