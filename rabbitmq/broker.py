"""dramatiq on our topology: bare events in, quorum queues, no queues of dramatiq's own."""

from typing import Any, NoReturn

import pika
from dramatiq import Message
from dramatiq.broker import Consumer
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import Middleware

from rabbitmq.consumer import QueueConsumer
from rabbitmq.handling import DeadLetterFailures
from rabbitmq.topology import Topology


class QuorumBroker(RabbitmqBroker):
    """RabbitMQ with our own topology: a consumer declares what it consumes, nothing is sent, nothing delayed.

    dramatiq would declare classic queues, each with a delay queue. Its queues are named as in the table.
    """

    def __init__(
        self, parameters: pika.URLParameters, topology: Topology, middleware: list[Middleware] | None = None
    ) -> None:
        super().__init__(middleware=[DeadLetterFailures()] if middleware is None else middleware)
        self.parameters = parameters
        self._topology = topology

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Make a queue known to the worker; `ensure` changes nothing, the consumer sees to it."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        return QueueConsumer(self.parameters, self._topology, queue_name, prefetch, timeout)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> NoReturn:
        """Refuse: `Publisher` publishes what is in the log; a copy sent from here could be lost."""
        raise RuntimeError(f"{message.actor_name} is called by its event, not by send()")
