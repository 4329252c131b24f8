"""One AMQP connection with one channel on the running loop, reopened after each loss."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from math import ceil
from typing import Any, NoReturn, TypeVar

import pika
import structlog
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError

from rabbitmq.topology import Topology
from store.backoff import Backoff

_BACKOFF = Backoff(first=0.2, longest=5.0, jitter=0.5)
CLOSE_TIMEOUT_S = 1.0
_CHECKS = 4  # of what a connection received, in one heartbeat; in that time RabbitMQ sends two

Answer = TypeVar("Answer")

log = structlog.get_logger()


class LinkLostError(ConnectionError):
    """The connection or its channel is lost; what was unconfirmed may or may not have arrived."""

    holds_no_data = True


class Session:
    """An open channel; `lost` is done, with the reason, as soon as the channel or its connection is lost."""

    def __init__(self, connection: AsyncioConnection, channel: Channel, lost: asyncio.Future[BaseException]) -> None:
        self.connection = connection
        self.channel = channel
        self.lost = lost
        channel.add_on_close_callback(lambda _channel, reason: settle(lost, reason))

    async def ask(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """Call a method of the channel and wait for its reply; `LinkLostError` when none can come."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        method(callback=lambda frame=None: settle(answer, frame), **arguments)
        return await first(answer, self.lost)

    async def declare(self, topology: Topology) -> None:
        """Declare everything of the topology."""
        channel = self.channel
        await self.ask(channel.exchange_declare, exchange=topology.exchange, exchange_type="topic", durable=True)
        for queue, arguments in topology.declared_queues():
            await self.ask(channel.queue_declare, queue=queue, durable=True, arguments=arguments)
        for queue, pattern in topology.bindings():
            await self.ask(channel.queue_bind, queue=queue, exchange=topology.exchange, routing_key=pattern)


def urls_of(addresses: str) -> list[str]:
    """Split the AMQP URLs of one or several nodes, separated by commas."""
    return re.split(r",(?=amqps?://)", addresses)


def parameters_of(url: str, *, heartbeat: int, name: str) -> pika.URLParameters:
    """Read one AMQP URL; the time-outs are short because every caller retries for ever."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = heartbeat
    parameters.connection_attempts = 1
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.client_properties = {"connection_name": name}
    return parameters


@asynccontextmanager
async def open_session(parameters: pika.URLParameters) -> AsyncIterator[Session]:
    """Open a connection and its channel; `LinkLostError` when the server cannot be reached.

    It counts as lost when nothing arrives for two heartbeats. Leaving closes the connection and waits at most a
    second for the reply, for none where it is silent: the heartbeat of pika ends it.
    """
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[None] = loop.create_future()
    lost: asyncio.Future[BaseException] = loop.create_future()

    connection = AsyncioConnection(
        parameters,
        on_open_callback=lambda _connection: settle(opened, None),
        on_open_error_callback=lambda _connection, reason: settle(lost, reason),
        on_close_callback=lambda _connection, reason: settle(lost, reason),
        custom_ioloop=loop,
    )
    silence: asyncio.Future[None] = loop.create_future()
    try:
        await first(opened, lost)
        silence = asyncio.create_task(_end_when_silent(connection, lost, parameters.heartbeat))
        channel: asyncio.Future[Channel] = loop.create_future()
        connection.channel(on_open_callback=lambda opened: settle(channel, opened))
        yield Session(connection, await first(channel, lost), lost)
    finally:
        if opened.done():
            await _close(connection, wait=not silence.done())
        else:  # pika cannot end a handshake: its own time-out does, or this, when it succeeds after all
            opened.add_done_callback(lambda _: connection.close())
        silence.cancel()


async def keep_open(
    nodes: Sequence[pika.URLParameters],
    serve: Callable[[Session], Awaitable[None]],
    *,
    jitter: Callable[[], float] = random.random,
) -> NoReturn:
    """Open a session and serve it, for ever, with the next of the nodes after each failure.

    The wait in between is 0.2 s, doubled up to 5 s each time that all nodes have failed, less jitter.
    """
    now = asyncio.get_running_loop().time
    failures, turns = 0, cycle(nodes)
    while True:
        parameters = next(turns)
        link = {"link": (parameters.client_properties or {}).get("connection_name"), "node": parameters.host}
        began = now()
        try:
            async with open_session(parameters) as session:
                await serve(session)
        except (AMQPError, OSError) as error:
            log.warning("rabbitmq_link_lost", **link, reason=error)
        except Exception:
            log.exception("rabbitmq_link_failed", **link)
        was_open = now() - began > _BACKOFF.longest  # a session whose declaration is refused is not
        failures = 1 if was_open else failures + 1
        await asyncio.sleep(_BACKOFF.delay(ceil(failures / len(nodes)), jitter()))


async def first(answer: asyncio.Future[Answer], lost: asyncio.Future[BaseException]) -> Answer:
    """Wait for a reply; `LinkLostError` when the connection is lost before."""
    waiting: set[asyncio.Future[Any]] = {answer, lost}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if not answer.done():
        raise LinkLostError(str(lost.result()) or repr(lost.result()))
    return answer.result()


def settle(future: asyncio.Future[Answer], result: Answer) -> None:
    """Set the result of a future that has none yet: a connection ends in more than one way."""
    if not future.done():
        future.set_result(result)


async def _end_when_silent(
    connection: AsyncioConnection, lost: asyncio.Future[BaseException], heartbeat: float
) -> None:
    """Count a connection as lost after two heartbeats without a byte; pika alone may wait ten seconds more.

    Checks are counted, not seconds: while this process is suspended or busy nothing is read.
    """
    received, silent = connection.bytes_received, 0
    while silent < 2 * _CHECKS - 1:  # the first may begin just after the last byte
        await asyncio.sleep(heartbeat / _CHECKS)
        silent = silent + 1 if connection.bytes_received == received else 0
        received = connection.bytes_received
    settle(lost, LinkLostError(f"nothing received for {2 * heartbeat} s"))


async def _close(connection: AsyncioConnection, *, wait: bool) -> None:
    if connection.is_closing or connection.is_closed:
        return
    closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    connection.add_on_close_callback(lambda *_: settle(closed, None))
    connection.close()
    await asyncio.wait({closed}, timeout=CLOSE_TIMEOUT_S if wait else 0)
