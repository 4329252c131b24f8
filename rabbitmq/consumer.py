"""One queue, consumed over a connection of its own for a worker of dramatiq."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pika
import structlog
from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import ConnectionClosed
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from events.envelope import RecordedEvent
from rabbitmq.message import UnreadableMessageError, event_of
from rabbitmq.topology import Topology

LINK_ERRORS = (AMQPError, OSError, AssertionError)  # pika asserts that a connection is open

log = structlog.get_logger()


class Delivery(MessageProxy):
    """A message that only its own consumer may answer: delivery tags count per channel."""

    def __init__(self, message: Message[Any], *, tag: int, origin: "QueueConsumer") -> None:
        super().__init__(message)
        self.tag = tag
        self.origin = origin


class QueueConsumer(Consumer):
    """Consume one queue on a connection of its own, which keeps its heartbeats while handlers run.

    Raises dramatiq's `ConnectionClosed` when RabbitMQ is gone; the worker then makes a new one, for ever.
    """

    def __init__(
        self, parameters: pika.URLParameters, topology: Topology, name: str, prefetch: int, idle_ms: int
    ) -> None:
        self._name = name
        try:
            self._connection = pika.BlockingConnection(parameters)
        except LINK_ERRORS as error:
            raise closed(error) from None
        try:
            self._channel = self._connection.channel()
            declare(self._channel, topology.only(name))
            self._channel.basic_qos(prefetch_count=prefetch)
            self._incoming = self._channel.consume(topology.queue(name), inactivity_timeout=idle_ms / 1000)
        except LINK_ERRORS as error:
            self.close()
            raise closed(error) from None

    def __next__(self) -> MessageProxy | None:
        """Wait for the next event; None when none came yet, or what came was dead-lettered as no event."""
        try:
            method, properties, body = next(self._incoming)
            if method is None:
                return None
            return self._delivery(method.delivery_tag, properties, body)
        except LINK_ERRORS as error:
            raise closed(error) from None

    def ack(self, message: MessageProxy) -> None:
        self._answer(message, self._channel.basic_ack)

    def nack(self, message: MessageProxy) -> None:
        self._answer(message, partial(self._channel.basic_nack, requeue=False))

    def close(self) -> None:
        """Send the answers that still wait, and close the connection; what is unanswered comes again."""
        try:
            answered = threading.Event()
            self._connection.add_callback_threadsafe(answered.set)
            while not answered.is_set():
                self._connection.process_data_events(time_limit=0.1)
            self._connection.close()
        except LINK_ERRORS as error:
            log.debug("consumer_closed_uncleanly", queue=self._name, reason=str(error))

    def _delivery(self, tag: int, properties: pika.BasicProperties, body: bytes) -> Delivery | None:
        try:
            event = event_of(body)
        except UnreadableMessageError as error:
            log.warning(
                "message_refused",
                queue=self._name,
                message_id=str(properties.message_id)[:200],
                reason=str(error),
            )
            self._channel.basic_nack(tag, requeue=False)
            return None
        return Delivery(message_of(event, self._name), tag=tag, origin=self)

    def _answer(self, message: MessageProxy, send: Callable[[int], None]) -> None:
        """Answer in the connection's thread. A lost answer is harmless: the event comes again."""
        if not isinstance(message, Delivery) or message.origin is not self:
            log.warning("stale_delivery_not_answered", queue=self._name, event_id=message.message_id)
            return
        try:
            self._connection.add_callback_threadsafe(partial(send, message.tag))
        except AMQPError as error:
            log.warning(
                "delivery_not_answered", queue=self._name, event_id=message.message_id, reason=str(error)
            )


def message_of(event: RecordedEvent, queue: str) -> Message[Any]:
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


def declare(channel: BlockingChannel, topology: Topology) -> None:
    """Make sure that everything of the topology exists."""
    channel.exchange_declare(topology.exchange, exchange_type="topic", durable=True)
    for queue, arguments in topology.declared_queues():
        channel.queue_declare(queue, durable=True, arguments=arguments)
    for queue, pattern in topology.bindings():
        channel.queue_bind(queue, topology.exchange, routing_key=pattern)


def closed(error: BaseException) -> ConnectionClosed:
    """Tell the worker to make a new consumer."""
    return ConnectionClosed(error)  # type: ignore[no-untyped-call]
