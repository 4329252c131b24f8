import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from rabbitmq.topology import Topology


class Server:
    """Inspect and change RabbitMQ over a connection of the test."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self._connection.channel()

    def declare(self, wanted: Topology) -> None:
        declare(self.channel, wanted)

    def send(self, queue: str, body: bytes) -> None:
        self.channel.basic_publish("", queue, body)

    def take(self, queue: str, count: int, seconds: float = 20) -> list[pika.BasicProperties]:
        """Remove and return the messages that arrive in time."""
        return [properties for properties, _ in self.take_with_bodies(queue, count, seconds)]

    def take_with_bodies(self, queue: str, count: int, seconds: float = 20) -> list[tuple[pika.BasicProperties, bytes]]:
        taken = []
        for method, properties, body in self.channel.consume(queue, inactivity_timeout=seconds):
            if method is None:
                break
            self.channel.basic_ack(method.delivery_tag)
            taken.append((properties, body))
            if len(taken) == count:
                break
        self.channel.cancel()
        return taken

    def exists(self, queue: str) -> bool:
        channel = self._connection.channel()
        try:
            channel.queue_declare(queue, passive=True)
        except ChannelClosedByBroker:
            return False
        channel.close()
        return True

    def count(self, queue: str) -> int:
        declared = self.channel.queue_declare(queue, passive=True)
        return int(declared.method.message_count)

    def close(self) -> None:
        self._connection.close()


def declare(channel: BlockingChannel, topology: Topology) -> None:
    channel.exchange_declare(topology.exchange, exchange_type="topic", durable=True)
    for queue, arguments in topology.declared_queues():
        channel.queue_declare(queue, durable=True, arguments=arguments)
    for queue, pattern in topology.bindings():
        channel.queue_bind(queue, topology.exchange, routing_key=pattern)
