from collections.abc import Callable
from typing import Any

import structlog

from rabbitmq.link import Link
from rabbitmq.session import LinkLostError, Session
from rabbitmq.topology import Topology

OnEvent = Callable[[str, int, str], None]
"""Called on the loop with stream, version and type of an event."""

ALL_GENERATIONS = "generation.#"

log = structlog.get_logger()


class Wakeups(Link):
    """Notify a process of every event of generations while it is connected, without any guarantee.

    The queue is exclusive and ends with the connection. `on_listening` is called whenever listening begins
    again: earlier events were missed, and the log must be read.
    """

    def __init__(
        self,
        amqp_url: str,
        on_event: OnEvent,
        on_listening: Callable[[], None],
        *,
        topology: Topology,
        heartbeat: int = 10,
    ) -> None:
        super().__init__(amqp_url, name="exemplar wake-ups", heartbeat=heartbeat)
        self._on_event = on_event
        self._topology = topology
        self._on_listening = on_listening

    async def _serve(self, session: Session) -> None:
        channel, exchange = session.channel, self._topology.exchange
        await session.ask(channel.exchange_declare, exchange=exchange, exchange_type="topic", durable=True)
        declared = await session.ask(channel.queue_declare, queue="", exclusive=True, auto_delete=True)
        queue = declared.method.queue
        await session.ask(channel.queue_bind, queue=queue, exchange=exchange, routing_key=ALL_GENERATIONS)
        channel.add_on_cancel_callback(lambda _: channel.close())  # the queue was deleted: begin again
        await session.ask(channel.basic_consume, queue=queue, on_message_callback=self._on_message, auto_ack=True)
        self._on_listening()
        raise LinkLostError(str(await session.lost))

    def _on_message(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        stream, _, version = str(properties.message_id).rpartition(":")
        if not (stream and version.isdecimal()):
            return  # not a message of this product
        try:
            self._on_event(stream, int(version), method.routing_key)
        except Exception:
            log.exception("wakeup_failed", event_id=properties.message_id)
