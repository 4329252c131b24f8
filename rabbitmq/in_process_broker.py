"""The post room without RabbitMQ: the same promises inside one process, kept by the outbox marks (law 2)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from events.commit import Commit
from events.envelope import RecordedEvent
from rabbitmq.broker import EventBroker, Handler
from rabbitmq.topology import Topology, matches
from rabbitmq.wakeup import ALL_GENERATIONS, OnEvent

CAPACITY = 10_000

log = structlog.get_logger()


@dataclass(slots=True)
class Outstanding:
    """A commit whose subscribers have not all finished; `done`: whether they did before the bus closed."""

    commit: Commit
    left: int
    done: asyncio.Future[bool]


class InProcessBroker:
    """Publisher and consumer in one: announce a commit, and its handlers are called on the running loop.

    `on_published` is called when the last handler of a commit has finished, well or not: until then its
    outbox mark stays, so that a killed process loses nothing. At most `capacity` commits are held; more stay
    marked. Of each queue at most `prefetch` events are handled at the same time.
    """

    def __init__(
        self,
        topology: Topology,
        on_published: Callable[[str], None],
        *,
        prefetch: int = 16,
        capacity: int = CAPACITY,
        publish_timeout: float = 30.0,
    ) -> None:
        self._topology = topology
        self._prefetch = prefetch
        self._broker = EventBroker({})
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._on_published = on_published
        self._capacity = capacity
        self._publish_timeout = publish_timeout
        self._open = False
        self._outstanding: dict[str, Outstanding] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._listeners: list[OnEvent] = []

    def health(self) -> dict[str, str]:
        """Describe the broker for the health route."""
        return {"status": "healthy", "type": "in-process"}

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        """Begin to take commits for the handlers of some queues."""
        self._broker = EventBroker(handlers)
        self._gates = {queue: asyncio.Semaphore(self._prefetch) for queue in handlers}
        self._open = True

    async def close(self, grace: float = 30.0) -> None:
        """Take nothing new and let running handlers finish; what is not finished keeps its mark."""
        self._open = False
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        while self._outstanding:
            self._outstanding.popitem()[1].done.set_result(False)

    def announce(self, commit: Commit) -> None:
        """Hand a commit to its subscribers if there is room; returns at once, raises nothing."""
        self._begin(commit)

    async def publish(self, commit: Commit) -> bool:
        """Hand a commit to its subscribers and wait for the last; False when that takes too long."""
        outstanding = self._begin(commit)
        if outstanding is None:
            return self._open and not self._deliveries(commit)
        try:
            return await asyncio.wait_for(asyncio.shield(outstanding.done), self._publish_timeout)
        except TimeoutError:
            return False

    def subscribe(self, on_event: OnEvent) -> Callable[[], None]:
        """Call `on_event` for every event of generations that is announced; call the result to stop that."""
        self._listeners.append(on_event)
        return lambda: self._listeners.remove(on_event)

    def _begin(self, commit: Commit) -> Outstanding | None:
        """Enqueue a commit unless it is under way; None: no subscriber, or no room."""
        if commit.id in self._outstanding:
            return self._outstanding[commit.id]
        self._tell_listeners(commit)
        if not self._open:
            return None
        deliveries = self._deliveries(commit)
        if not deliveries:
            self._published(commit.id)
            return None
        if len(self._outstanding) >= self._capacity:
            return None
        outstanding = Outstanding(commit, len(deliveries), asyncio.get_running_loop().create_future())
        self._outstanding[commit.id] = outstanding
        for queue, event in deliveries:
            self._begin_handling(queue, event, outstanding)
        return outstanding

    def _deliveries(self, commit: Commit) -> list[tuple[str, RecordedEvent]]:
        return [
            (queue, event)
            for event in commit.events
            for queue in self._topology.routes(event.type)
            if queue in self._gates
        ]

    def _begin_handling(self, queue: str, event: RecordedEvent, outstanding: Outstanding) -> None:
        task = asyncio.create_task(self._handle(queue, event, outstanding))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(self, queue: str, event: RecordedEvent, outstanding: Outstanding) -> None:
        async with self._gates[queue]:
            if not self._open:
                return  # it had not begun when the bus closed: its commit keeps the mark
            await self._broker.call(queue, event)
        self._finished(outstanding)

    def _finished(self, outstanding: Outstanding) -> None:
        outstanding.left -= 1
        commit_id = outstanding.commit.id
        if outstanding.left or self._outstanding.pop(commit_id, None) is None:
            return
        self._published(commit_id)
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
