import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from rabbitmq.link import Link
from rabbitmq.session import Session, first
from rabbitmq.topology import Topology

OnEvent = Callable[[str, int, str], None]
"""Called on the loop with stream, version and type of an event."""

ALL_GENERATIONS = "generation.#"

log = structlog.get_logger()


class Wakeups(Link):
    """Notify a process of events of generations while it is connected and watched, without any guarantee.

    The queue is exclusive and ends with the connection. It is bound while `watched` is set, and until that has
    been clear for `idle` seconds. `on_listening` is called whenever listening begins again: earlier events were
    missed, and the log must be read.
    """

    def __init__(
        self,
        amqp_url: str,
        on_event: OnEvent,
        on_listening: Callable[[], None],
        *,
        watched: asyncio.Event,
        topology: Topology,
        heartbeat: int = 10,
        idle: float = 5.0,
    ) -> None:
        super().__init__(amqp_url, name="exemplar wake-ups", heartbeat=heartbeat)
        self._on_event = on_event
        self._topology = topology
        self._on_listening = on_listening
        self._watched = watched
        self._idle = idle

    async def _serve(self, session: Session) -> None:
        channel, exchange = session.channel, self._topology.exchange
        await session.ask(channel.exchange_declare, exchange=exchange, exchange_type="topic", durable=True)
        declared = await session.ask(channel.queue_declare, queue="", exclusive=True, auto_delete=True)
        queue = declared.method.queue
        channel.add_on_cancel_callback(lambda _: channel.close())  # the queue was deleted: begin again
        await session.ask(channel.basic_consume, queue=queue, on_message_callback=self._on_message, auto_ack=True)
        binding = {"queue": queue, "exchange": exchange, "routing_key": ALL_GENERATIONS}
        while True:
            await _while_open(session, self._watched.wait())
            await session.ask(channel.queue_bind, **binding)
            self._on_listening()
            await _while_open(session, self._unwatched())
            await session.ask(channel.queue_unbind, **binding)

    async def _unwatched(self) -> None:
        """Wait until nobody has watched for a while."""
        quiet, step = 0.0, self._idle / 5
        while quiet < self._idle:
            await asyncio.sleep(step)
            quiet = 0.0 if self._watched.is_set() else quiet + step

    def _on_message(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        stream, _, version = str(properties.message_id).rpartition(":")
        if not (stream and version.isdecimal()):
            return  # not a message of this product
        try:
            self._on_event(stream, int(version), method.routing_key)
        except Exception:
            log.exception("wakeup_failed", event_id=properties.message_id)


async def _while_open(session: Session, waiting: Coroutine[Any, Any, Any]) -> None:
    """Wait; `LinkLostError` when the connection is lost before."""
    task = asyncio.create_task(waiting)
    try:
        await first(task, session.lost)
    finally:
        task.cancel()
