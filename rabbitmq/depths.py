"""How many messages and consumers each queue has."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pika.exceptions import AMQPError

from rabbitmq.session import LinkLostError, Session, open_session, parameters_of, urls_of
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import Topology

_HEARTBEAT_S = 10


@dataclass(frozen=True, slots=True)
class Depth:
    """Of one queue: messages that wait (not those that are being handled), its consumers, its dead letters."""

    messages: int
    consumers: int
    dead: int


async def read_depths(rabbit_settings: RabbitSettings, topology: Topology) -> Mapping[str, Depth]:
    """Ask the first node for every queue of a topology.

    Raises `LinkLostError` where it cannot be reached and where a queue does not exist yet.
    """
    [url, *_] = urls_of(rabbit_settings.amqp_url)
    try:
        async with open_session(parameters_of(url, heartbeat=_HEARTBEAT_S, name="exemplar depths")) as session:
            return await depths_of(session, topology)
    except AMQPError as error:
        raise LinkLostError(str(error) or type(error).__name__) from error


async def depths_of(session: Session, topology: Topology) -> Mapping[str, Depth]:
    """Ask for every queue over an open session; pika's `AMQPError` where one does not exist."""
    return {name: await _depth(session, topology, name) for name in topology.queues}


async def _depth(session: Session, topology: Topology, name: str) -> Depth:
    live, dead = [await _declared(session, queue) for queue in (topology.queue(name), topology.dead(name))]
    return Depth(live.message_count, live.consumer_count, dead.message_count)


async def _declared(session: Session, queue: str) -> Any:
    """Look a queue up without creating it."""
    frame = await session.ask(partial(session.channel.queue_declare, passive=True), queue=queue)
    return frame.method
