import asyncio
from collections.abc import Callable

import structlog
from pika.exceptions import AMQPError

from events.commit import Commit
from events.envelope import RecordedEvent
from rabbitmq.confirms import ConfirmedChannel, PublishOutcome
from rabbitmq.session import LinkLostError, Session, keep_open, parameters_of
from rabbitmq.topology import Topology

CAPACITY = 10_000

log = structlog.get_logger()


class Publisher:
    """Publish commits to RabbitMQ from the running loop, pipelined, and say which have arrived.

    `on_published` is called on the loop with the id of a commit when its events are all confirmed and routed.
    What cannot be published is forgotten here: its outbox mark stays, and the relay brings it back. After
    `confirm_timeout` seconds without any confirm the link counts as half-open and is dropped.
    """

    def __init__(
        self,
        url: str,
        topology: Topology,
        on_published: Callable[[str], None],
        *,
        heartbeat: int = 10,
        confirm_timeout: float = 15.0,
        capacity: int = CAPACITY,
    ) -> None:
        self._parameters = parameters_of(url, heartbeat=heartbeat, name="exemplar publisher")
        self._topology = topology
        self._on_published = on_published
        self._confirm_timeout = confirm_timeout
        self._capacity = capacity
        self._channel: ConfirmedChannel | None = None
        self._writable = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[bool]] = {}
        self._link: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether RabbitMQ takes messages at this moment."""
        return self._writable.is_set()

    def health(self) -> dict[str, str]:
        """Describe the connection for the health route."""
        return {"status": "healthy" if self.connected else "unreachable", "type": "rabbitmq"}

    async def start(self) -> None:
        """Begin to connect, and keep connected until closed; RabbitMQ need not be up."""
        self._link = asyncio.create_task(keep_open(self._parameters, self._serve), name="rabbitmq publisher")

    async def close(self, grace: float = 5.0) -> None:
        """Wait for outstanding confirms, then say goodbye."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=grace)
        if self._link is not None:
            self._link.cancel()
            await asyncio.wait({self._link})

    def announce(self, commit: Commit) -> None:
        """Publish a commit soon if RabbitMQ is reachable and has room; returns at once, raises nothing."""
        if not self._wanted(commit):
            self._published(commit)
        elif self.connected and len(self._under_way) < self._capacity:
            self._begin(commit)

    async def publish(self, commit: Commit) -> bool:
        """Publish a commit and wait for its confirms; False when they do not come within the time-out."""
        if not self._wanted(commit):
            self._published(commit)
            return True
        try:
            async with asyncio.timeout(self._confirm_timeout):
                await self._writable.wait()
                return await asyncio.shield(self._begin(commit))
        except TimeoutError:
            return False

    def _wanted(self, commit: Commit) -> list[RecordedEvent]:
        return [event for event in commit.events if self._topology.routes(event.type)]

    def _begin(self, commit: Commit) -> asyncio.Task[bool]:
        task = self._under_way.get(commit.id)
        if task is None:
            task = self._under_way[commit.id] = asyncio.create_task(self._deliver(commit))
            task.add_done_callback(lambda _: self._under_way.pop(commit.id))
        return task

    async def _deliver(self, commit: Commit) -> bool:
        channel = self._channel
        if channel is None:
            return False
        try:
            delivered = await _send(channel, self._wanted(commit))
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
        """Return only by `LinkLostError`: the link broke, or is so silent that it must be half-open."""
        while not session.lost.done():
            await asyncio.wait({session.lost}, timeout=self._confirm_timeout / 10)
            if not self.connected:  # blocked by the server: no confirm is owed
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


async def _send(channel: ConfirmedChannel, events: list[RecordedEvent]) -> bool:
    """Send all, and those that no queue took once more after declaring the queues again."""
    fates = await asyncio.gather(*(channel.publish(event) for event in events))
    returned = [
        event for event, outcome in zip(events, fates, strict=True) if outcome is PublishOutcome.RETURNED
    ]
    if not returned:
        return all(outcome is PublishOutcome.CONFIRMED for outcome in fates)
    await channel.redeclare()
    again = await asyncio.gather(*(channel.publish(event) for event in returned))
    return all(outcome in (PublishOutcome.CONFIRMED, PublishOutcome.RETURNED) for outcome in fates) and set(
        again
    ) == {PublishOutcome.CONFIRMED}
