import asyncio
from collections.abc import Mapping, Sequence

import structlog
from pika.exceptions import AMQPError

from events.commit import Commit
from events.envelope import RecordedEvent
from metrics.metrics import NO_METRICS, Metrics
from rabbitmq.confirms import ConfirmedChannel, PublishOutcome
from rabbitmq.depths import Depth
from rabbitmq.link import Link
from rabbitmq.message import body_of
from rabbitmq.metrics import PUBLISHES
from rabbitmq.session import LinkLostError, Session
from rabbitmq.topology import Topology, matches
from rabbitmq.wakeup import ALL_GENERATIONS
from store.tracing import NO_TRACER, Tracer

CAPACITY = 10_000
Messages = list[tuple[RecordedEvent, bytes, list[str]]]
"""Events, each with its JSON and the queues that it is for."""
_PAUSE_S = 0.5
_UNHEARD_S = 0.25  # for so long nobody is told anything that nobody listened to
_COUNT_S = 2.0  # redelivery waits for the counts, and is there for a RabbitMQ that fell silent

log = structlog.get_logger()


class Publisher(Link):
    """Publish commits to RabbitMQ from the running loop, pipelined.

    A commit that is not confirmed is published again for `give_up_after` seconds; after that, and for more
    than `capacity` waiting commits, redelivery and the catch-up subscribers find what was lost.
    After `confirm_timeout` seconds without any confirm the connection counts as half-open and is closed.
    """

    def __init__(
        self,
        amqp_url: str,
        topology: Topology,
        *,
        heartbeat: int = 10,
        confirm_timeout: float = 15.0,
        give_up_after: float = 10.0,
        capacity: int = CAPACITY,
        metrics: Metrics = NO_METRICS,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        super().__init__(amqp_url, name="exemplar publisher", heartbeat=heartbeat)
        self._topology, self._metrics, self._tracer = topology, metrics, tracer
        self._confirm_timeout = confirm_timeout
        self._give_up_after = give_up_after
        self._capacity = capacity
        self._channel: ConfirmedChannel | None = None
        self._writable = asyncio.Event()
        self._publishing: set[asyncio.Task[bool]] = set()
        self._unheard_until = 0.0

    @property
    def connected(self) -> bool:
        """Whether RabbitMQ takes messages now."""
        return self._writable.is_set()

    def health(self) -> dict[str, str]:
        """Describe the connection for the health route."""
        return {"status": "healthy" if self.connected else "unreachable", "type": "rabbitmq"}

    async def close(self, grace: float = 2.0) -> None:
        """Wait for outstanding confirms, then disconnect."""
        if self._publishing and self.connected:
            await asyncio.wait(self._publishing, timeout=grace)
        for task in self._publishing:
            task.cancel()
        await super().close()

    def announce(self, commit: Commit) -> None:
        """Publish a commit if `capacity` allows; return at once, raise nothing.

        One that is for no actor is published once, for gateways with listeners, and seldom while there are none.
        """
        if not self._topology.deliveries(commit):
            self._wake(commit)
        elif len(self._publishing) >= self._capacity:
            self._metrics.count(PUBLISHES, "dropped")
        else:
            task = asyncio.create_task(self.publish(commit))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    async def publish(self, commit: Commit) -> bool:
        """Publish a commit until it is confirmed; False when that does not come in time."""
        if not self._topology.deliveries(commit):
            return True
        first, about = commit.events[0], {"exemplar.event_types": ",".join(event.type for event in commit.events)}
        with self._tracer.span("publish", "producer", parent=first.cause.traceparent, attributes=about) as span:
            if not (confirmed := await self._confirmed(commit)):
                span.fail("not_confirmed")
            return confirmed

    def _wake(self, commit: Commit) -> None:
        """Tell whoever listens of an event of a generation that no actor has anything to do about."""
        event = commit.events[-1]
        told = matches(ALL_GENERATIONS, event.type) and self._now() >= self._unheard_until
        if not told or self._channel is None or not self.connected:
            return
        try:
            self._channel.publish(event, body_of(event, commit), ()).add_done_callback(self._note_listeners)
        except AMQPError as error:
            log.debug("wakeup_not_published", error=type(error).__name__)

    def _note_listeners(self, published: asyncio.Future[PublishOutcome]) -> None:
        if not published.cancelled() and published.result() is PublishOutcome.RETURNED:
            self._unheard_until = self._now() + _UNHEARD_S

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _confirmed(self, commit: Commit) -> bool:
        try:
            async with asyncio.timeout(self._give_up_after):
                await self._writable.wait()
                while not await self._deliver(commit):
                    await asyncio.sleep(_PAUSE_S)
                    await self._writable.wait()
        except TimeoutError:
            self._metrics.count(PUBLISHES, "expired")
            return False
        return True

    async def waiting(self) -> Mapping[str, int]:
        """Count the messages that wait in each queue for a worker; none while RabbitMQ does not answer.

        A queue without a worker counts as empty: nothing will take what is in it.
        """
        channel = self._channel
        try:
            async with asyncio.timeout(_COUNT_S):
                return await channel.waiting() if channel is not None else {}
        except (AMQPError, LinkLostError, TimeoutError):
            return {}

    async def depths(self) -> Mapping[str, Depth]:
        """Ask for the messages and workers of every queue; nothing while RabbitMQ does not answer."""
        channel = self._channel
        try:
            async with asyncio.timeout(_COUNT_S):
                return await channel.depths() if channel is not None else {}
        except (AMQPError, LinkLostError, TimeoutError):
            return {}

    async def _deliver(self, commit: Commit) -> bool:
        channel = self._channel
        if channel is None:
            return False
        try:
            return await self._send(channel, _addressed(commit, self._topology.deliveries(commit)))
        except (AMQPError, LinkLostError):
            return False
        except Exception:
            log.exception("publishing_failed", commit=commit.id)
            return False

    async def _send(self, channel: ConfirmedChannel, messages: Messages) -> bool:
        """Publish messages; publish the returned ones once more after declaring the topology again."""
        outcomes = await self._outcomes(channel, messages)
        returned = [one for one, outcome in zip(messages, outcomes, strict=True) if outcome is PublishOutcome.RETURNED]
        if returned:
            await channel.redeclare()
            again = await self._outcomes(channel, returned)
            outcomes = [*again, *(outcome for outcome in outcomes if outcome is not PublishOutcome.RETURNED)]
        return set(outcomes) == {PublishOutcome.CONFIRMED}

    async def _outcomes(self, channel: ConfirmedChannel, messages: Messages) -> Sequence[PublishOutcome]:
        outcomes = await asyncio.gather(*(channel.publish(*message) for message in messages))
        for outcome in outcomes:
            self._metrics.count(PUBLISHES, outcome.value)
        return outcomes

    async def _serve(self, session: Session) -> None:
        channel = ConfirmedChannel(session, self._topology, self._tracer)
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


def _addressed(commit: Commit, deliveries: Mapping[str, RecordedEvent]) -> Messages:
    """List each event with the queues that it is for: one message."""
    events = {event.id: event for event in deliveries.values()}
    return [
        (event, body_of(event, commit), [queue for queue, one in deliveries.items() if one is event])
        for event in events.values()
    ]
