"""The post room without RabbitMQ: the same promises inside one process, kept by the outbox marks (law 2)."""

import asyncio
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from queue import Queue
from typing import Any

import dramatiq
import structlog
from dramatiq import Message
from dramatiq.brokers.stub import StubBroker

from events.commit import Commit
from events.envelope import RecordedEvent, from_cloudevent
from rabbitmq.consuming import start_worker
from rabbitmq.handling import Handler, Handling, LoggedFailures
from rabbitmq.topology import Topology, matches
from rabbitmq.wakeup import ALL_GENERATIONS, OnEvent

CAPACITY = 10_000

log = structlog.get_logger()


class InProcessBroker(StubBroker):
    """dramatiq's in-memory broker without the delay queues, which would cost a thread each."""

    def __init__(self) -> None:
        super().__init__(middleware=[LoggedFailures()])

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = Queue()
            self.emit_after("declare_queue", queue_name)


@dataclass(slots=True)
class Outstanding:
    """A commit whose subscribers have not all finished; `done`: whether they did before the bus closed."""

    commit: Commit
    left: int
    done: asyncio.Future[bool]


class InProcessBus:
    """Publisher and consumer in one: announce a commit, and its handlers are called on the running loop.

    `on_published` is called when the last handler of a commit has finished, well or not: until then its
    outbox mark stays, so that a killed process loses nothing. At most `capacity` commits are held; more stay
    marked. Queues that are named in `apart` have `threads` of their own, so that what hangs there takes none
    of the others.
    """

    def __init__(
        self,
        topology: Topology,
        handlers: Mapping[str, Handler],
        on_published: Callable[[str], None],
        *,
        apart: Container[str] = (),
        threads: int = 8,
        capacity: int = CAPACITY,
        publish_timeout: float = 30.0,
    ) -> None:
        self._topology = topology
        self._handlers = dict(handlers)
        self._on_published = on_published
        self._apart = apart
        self._threads = threads
        self._capacity = capacity
        self._publish_timeout = publish_timeout
        self._broker = InProcessBroker()
        self._workers: list[dramatiq.Worker] = []
        self._handling: Handling | None = None
        self._outstanding: dict[str, Outstanding] = {}
        self._commit_of: dict[str, str] = {}
        self._listeners: list[OnEvent] = []

    async def start(self) -> None:
        self._handling = Handling(asyncio.get_running_loop())
        for apart in (False, True):
            handlers = {
                queue: self._counted(handler)
                for queue, handler in self._handlers.items()
                if (queue in self._apart) is apart
            }
            if handlers:
                self._workers.append(self._started(handlers, self._handling))

    async def close(self, grace: float = 30.0) -> None:
        """Take nothing new and let running handlers finish; what is not finished keeps its mark."""
        if not self._workers or self._handling is None:
            return
        workers, self._workers = self._workers, []
        await asyncio.gather(*(asyncio.to_thread(worker.stop, int(grace * 1000)) for worker in workers))
        self._handling.abandon()
        self._commit_of.clear()
        while self._outstanding:
            self._outstanding.popitem()[1].done.set_result(False)

    def announce(self, commit: Commit) -> None:
        """Hand a commit to its subscribers if there is room; returns at once, raises nothing."""
        self._begin(commit)

    async def publish(self, commit: Commit) -> bool:
        """Hand a commit to its subscribers and wait for the last; False when that takes too long."""
        outstanding = self._begin(commit)
        if outstanding is None:
            return not self._deliveries(commit)
        try:
            return await asyncio.wait_for(asyncio.shield(outstanding.done), self._publish_timeout)
        except TimeoutError:
            return False

    def subscribe(self, on_event: OnEvent) -> Callable[[], None]:
        """Call `on_event` for every event of generations that is announced; call the result to stop that."""
        self._listeners.append(on_event)
        return lambda: self._listeners.remove(on_event)

    def _started(self, handlers: Mapping[str, Handler], handling: Handling) -> dramatiq.Worker:
        return start_worker(
            self._broker,
            handlers,
            handling,
            threads=self._threads,
            prefetch=self._threads,
            read=from_cloudevent,
        )

    def _begin(self, commit: Commit) -> Outstanding | None:
        """Enqueue a commit unless it is under way; None: no subscriber, or no room."""
        if commit.id in self._outstanding:
            return self._outstanding[commit.id]
        self._tell_listeners(commit)
        deliveries = self._deliveries(commit)
        if not deliveries:
            self._published(commit.id)
            return None
        if not self._workers or len(self._outstanding) >= self._capacity:
            return None
        outstanding = Outstanding(commit, len(deliveries), asyncio.get_running_loop().create_future())
        self._outstanding[commit.id] = outstanding
        self._commit_of.update((event.id, commit.id) for event in commit.events)
        for queue, event in deliveries:
            self._broker.enqueue(_message(queue, event))
        return outstanding

    def _deliveries(self, commit: Commit) -> list[tuple[str, RecordedEvent]]:
        return [
            (queue, event)
            for event in commit.events
            for queue in self._topology.routes(event.type)
            if queue in self._handlers
        ]

    def _counted(self, handler: Handler) -> Handler:
        async def handle_and_count(event: RecordedEvent) -> None:
            try:
                await handler(event)
            except asyncio.CancelledError:
                raise  # the bus is closing: this delivery has not finished
            except Exception:
                self._finished(event)
                raise
            self._finished(event)

        return handle_and_count

    def _finished(self, event: RecordedEvent) -> None:
        outstanding = self._outstanding.get(self._commit_of.get(event.id, ""))
        if outstanding is None:
            return
        outstanding.left -= 1
        if outstanding.left:
            return
        commit = outstanding.commit
        del self._outstanding[commit.id]
        for sibling in commit.events:
            del self._commit_of[sibling.id]
        self._published(commit.id)
        outstanding.done.set_result(True)

    def _published(self, commit_id: str) -> None:
        try:
            self._on_published(commit_id)
        except Exception:
            log.exception("published_mark_failed", commit=commit_id)

    def _tell_listeners(self, commit: Commit) -> None:
        for event in commit.events:
            if not matches(ALL_GENERATIONS, event.type):
                continue
            for on_event in tuple(self._listeners):
                try:
                    on_event(event.stream, event.version, event.type)
                except Exception:
                    log.exception("wakeup_failed", event_id=event.id)


def _message(queue: str, event: RecordedEvent) -> Message[Any]:
    """Make an event the call of the actor that owns the queue, as plain data like a message of RabbitMQ."""
    return Message(
        queue_name=queue,
        actor_name=queue,
        args=(event.to_cloudevent(),),
        kwargs={},
        options={},
        message_id=event.id,
    )
