"""A channel in confirm mode: every message's fate is known, or known to be unknown."""

import asyncio
from enum import Enum
from typing import Any

import pika
import structlog
from pika.channel import Channel

from events.envelope import RecordedEvent
from rabbitmq.message import body_of, properties_of
from rabbitmq.session import Session
from rabbitmq.topology import Topology

log = structlog.get_logger()


class PublishOutcome(Enum):
    """What became of a message: in every queue that wants it, in none, turned down, or nobody can say."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class ConfirmedChannel:
    """Publish to the exchange without waiting; answers arrive pipelined (publisher confirms, `mandatory`).

    An event is under way at most once at a time, so that a returned message is known by its id: RabbitMQ
    sends `basic.return` before the confirm of the same message.
    """

    def __init__(self, session: Session, topology: Topology) -> None:
        self._session = session
        self._topology = topology
        self._now = asyncio.get_running_loop().time
        self._heard = self._now()
        self._last_tag = 0
        self._waiting: dict[int, tuple[str, asyncio.Future[PublishOutcome]]] = {}
        self._returned: set[str] = set()
        self._declaring: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Switch the session's channel to confirm mode, with the topology in place."""
        await self._session.declare(self._topology)
        self._session.channel.add_on_return_callback(self._on_return)
        await self._session.ask(self._session.channel.confirm_delivery, ack_nack_callback=self._on_answer)

    def publish(self, event: RecordedEvent) -> asyncio.Future[PublishOutcome]:
        """Write one persistent message; pika's `AMQPError` when the channel is closed already."""
        if not self._waiting:
            self.touch()
        self._session.channel.basic_publish(
            exchange=self._topology.exchange,
            routing_key=event.type,
            body=body_of(event),
            properties=properties_of(event),
            mandatory=True,
        )
        self._last_tag += 1
        outcome: asyncio.Future[PublishOutcome] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_tag] = (event.id, outcome)
        return outcome

    async def redeclare(self) -> None:
        """Declare the topology again; callers at the same time share one declaration."""
        if self._declaring is None or self._declaring.done():
            log.warning("rabbitmq_topology_declared_again", exchange=self._topology.exchange)
            self._declaring = asyncio.create_task(self._session.declare(self._topology))
        await asyncio.shield(self._declaring)

    def silent_for(self) -> float:
        """Seconds since the last sign of life while something waits for its confirm."""
        return self._now() - self._heard if self._waiting else 0.0

    def touch(self) -> None:
        """Start the measurement of silence again."""
        self._heard = self._now()

    def give_up(self) -> None:
        """Declare the fate of everything under way unknown."""
        for tag in list(self._waiting):
            self._settle(tag, PublishOutcome.UNKNOWN)

    def _on_return(
        self, _channel: Channel, _method: Any, properties: pika.BasicProperties, _body: bytes
    ) -> None:
        self._returned.add(str(properties.message_id))

    def _on_answer(self, frame: Any) -> None:
        self.touch()
        answer = frame.method
        outcome = (
            PublishOutcome.CONFIRMED if isinstance(answer, pika.spec.Basic.Ack) else PublishOutcome.REFUSED
        )
        if not answer.multiple:
            self._settle(answer.delivery_tag, outcome)
            return
        while self._waiting and (tag := next(iter(self._waiting))) <= answer.delivery_tag:
            self._settle(tag, outcome)

    def _settle(self, tag: int, outcome: PublishOutcome) -> None:
        event_id, future = self._waiting.pop(tag)
        returned = event_id in self._returned
        self._returned.discard(event_id)
        if not future.done():
            future.set_result(
                PublishOutcome.RETURNED if returned and outcome is PublishOutcome.CONFIRMED else outcome
            )
