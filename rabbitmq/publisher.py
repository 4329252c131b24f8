import asyncio
from collections.abc import Callable, Mapping

import structlog
from pika.exceptions import AMQPError

from events.commit import Commit
from events.envelope import RecordedEvent
from rabbitmq.confirms import ConfirmedChannel, PublishOutcome
from rabbitmq.link import Link
from rabbitmq.session import LinkLostError, Session
from rabbitmq.topology import Topology

CAPACITY = 10_000

log = structlog.get_logger()


class Publisher(Link):
    """Publish commits to RabbitMQ from the running loop, pipelined.

    `on_published` is called on the loop with the id of a commit when all its events are confirmed and routed.
    A commit that cannot be published is dropped: its outbox mark stays, and the relay publishes it later.
    After `confirm_timeout` seconds without any confirm the connection counts as half-open and is closed.
    """

    def __init__(
        self,
        amqp_url: str,
        topology: Topology,
        on_published: Callable[[str], None],
        *,
        heartbeat: int = 10,
        confirm_timeout: float = 15.0,
        capacity: int = CAPACITY,
    ) -> None:
        super().__init__(amqp_url, name="exemplar publisher", heartbeat=heartbeat)
        self._topology = topology
        self._on_published = on_published
        self._confirm_timeout = confirm_timeout
        self._capacity = capacity
        self._channel: ConfirmedChannel | None = None
        self._writable = asyncio.Event()
        self._in_flight: dict[str, asyncio.Task[bool]] = {}

    @property
    def connected(self) -> bool:
        """Whether RabbitMQ takes messages now."""
        return self._writable.is_set()

    def health(self) -> dict[str, str]:
        """Describe the connection for the health route."""
        return {"status": "healthy" if self.connected else "unreachable", "type": "rabbitmq"}

    async def close(self, grace: float = 5.0) -> None:
        """Wait for outstanding confirms, then disconnect."""
        if self._in_flight:
            await asyncio.wait(self._in_flight.values(), timeout=grace)
        await super().close()

    def announce(self, commit: Commit) -> None:
        """Publish a commit if RabbitMQ is reachable and `capacity` allows; return at once, raise nothing."""
        if not self._topology.deliveries(commit):
            self._published(commit)
        elif self.connected and len(self._in_flight) < self._capacity:
            self._begin(commit)

    async def publish(self, commit: Commit) -> bool:
        """Publish a commit and wait for its confirms; False when they do not come in time."""
        if not self._topology.deliveries(commit):
            self._published(commit)
            return True
        try:
            async with asyncio.timeout(self._confirm_timeout):
                await self._writable.wait()
                return await asyncio.shield(self._begin(commit))
        except TimeoutError:
            return False

    def _begin(self, commit: Commit) -> asyncio.Task[bool]:
        task = self._in_flight.get(commit.id)
        if task is None:
            task = self._in_flight[commit.id] = asyncio.create_task(self._deliver(commit))
            task.add_done_callback(lambda _: self._in_flight.pop(commit.id))
        return task

    async def _deliver(self, commit: Commit) -> bool:
        channel = self._channel
        if channel is None:
            return False
        try:
            delivered = await _send(channel, _addressed(self._topology.deliveries(commit)))
        except (AMQPError, LinkLostError):
            return False
        except Exception:
            log.exception("publishing_failed", commit=commit.id)
            return False
        if delivered:
            self._published(commit)
        return delivered

    def _published(self, commit: Commit) -> None:
        try:
            self._on_published(commit.id)
        except Exception:
            log.exception("published_mark_failed", commit=commit.id)

    async def _serve(self, session: Session) -> None:
        channel = ConfirmedChannel(session, self._topology)
        session.connection.add_on_connection_blocked_callback(lambda *_: self._pause(blocked=True))
        session.connection.add_on_connection_unblocked_callback(lambda *_: self._pause(blocked=False))
        await channel.open()
        self._channel = channel
        self._writable.set()
        log.info("rabbitmq_publisher_connected")
        try:
            await self._watch(session, channel)
        finally:
            self._channel = None
            self._writable.clear()
            channel.give_up()

    async def _watch(self, session: Session, channel: ConfirmedChannel) -> None:
        """Wait until the connection is lost or counts as half-open; raises `LinkLostError`."""
        while not session.lost.done():
            await asyncio.wait({session.lost}, timeout=self._confirm_timeout / 10)
            if not self.connected:  # blocked by the server: no confirm is expected
                channel.touch()
            if channel.silent_for() > self._confirm_timeout:
                raise LinkLostError(f"no confirm for {self._confirm_timeout:.0f} s")
        raise LinkLostError(str(session.lost.result()))

    def _pause(self, *, blocked: bool) -> None:
        log.warning("rabbitmq_blocked" if blocked else "rabbitmq_unblocked")
        if blocked:
            self._writable.clear()
        elif self._channel is not None:
            self._writable.set()


def _addressed(deliveries: Mapping[str, RecordedEvent]) -> list[tuple[RecordedEvent, list[str]]]:
    """List each event with the queues that it is for: one message."""
    events = {event.id: event for event in deliveries.values()}
    return [(event, [queue for queue, one in deliveries.items() if one is event]) for event in events.values()]


async def _send(channel: ConfirmedChannel, messages: list[tuple[RecordedEvent, list[str]]]) -> bool:
    """Publish messages; publish the returned ones once more after declaring the topology again."""
    outcomes = await asyncio.gather(*(channel.publish(*message) for message in messages))
    returned = [one for one, outcome in zip(messages, outcomes, strict=True) if outcome is PublishOutcome.RETURNED]
    if returned:
        await channel.redeclare()
        again = await asyncio.gather(*(channel.publish(*message) for message in returned))
        outcomes = [*again, *(outcome for outcome in outcomes if outcome is not PublishOutcome.RETURNED)]
    return set(outcomes) == {PublishOutcome.CONFIRMED}
