"""The broker without RabbitMQ: the same guarantees inside one process, kept by the outbox marks (law 2)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

import structlog

from events.commit import Commit
from events.envelope import RecordedEvent
from rabbitmq.consumer import RunActor
from rabbitmq.topology import Topology, matches
from rabbitmq.wakeup import ALL_GENERATIONS, OnEvent

CAPACITY = 10_000

log = structlog.get_logger()


@dataclass(slots=True)
class Outstanding:
    """A commit that is not handled by all queues yet; `done`: whether it was before the broker closed."""

    commit: Commit
    left: int
    done: asyncio.Future[bool]


class InProcessBroker:
    """Publisher and consumer in one: the events of an announced commit are handled on the running loop.

    `on_published` is called when the last queue has handled a commit, well or not: until then its outbox
    mark stays, so that a killed process loses nothing. At most `capacity` commits are held; the marks of more
    stay. Of each queue at most `prefetch` events are handled at the same time.
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
        self._limits = {queue: asyncio.Semaphore(prefetch) for queue in topology.queues}
        self._run_actor: RunActor | None = None
        self._on_published = on_published
        self._capacity = capacity
        self._publish_timeout = publish_timeout
        self._outstanding: dict[str, Outstanding] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._listeners: list[OnEvent] = []

    def health(self) -> dict[str, str]:
        """Describe the broker for the health route."""
        return {"status": "healthy", "type": "in-process"}

    async def start(self, run_actor: RunActor) -> None:
        """Begin to take commits."""
        self._run_actor = run_actor

    @asynccontextmanager
    async def running(self, run_actor: RunActor) -> AsyncIterator[Self]:
        """Take commits inside the block."""
        await self.start(run_actor)
        try:
            yield self
        finally:
            await self.close()

    async def close(self, grace: float = 20.0) -> None:
        """Take nothing new and let handlers finish; a commit that is not finished keeps its mark."""
        self._run_actor = None
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        while self._outstanding:
            self._outstanding.popitem()[1].done.set_result(False)

    def announce(self, commit: Commit) -> None:
        """Begin to handle a commit if there is capacity; returns at once, raises nothing."""
        self._begin(commit)

    async def publish(self, commit: Commit) -> bool:
        """Handle a commit and wait for its last queue; False after `publish_timeout` seconds."""
        outstanding = self._begin(commit)
        if outstanding is None:
            return self._run_actor is not None and not self._topology.deliveries(commit)
        try:
            return await asyncio.wait_for(asyncio.shield(outstanding.done), self._publish_timeout)
        except TimeoutError:
            return False

    @asynccontextmanager
    async def subscribed(self, on_event: OnEvent) -> AsyncIterator[None]:
        """Call `on_event` for every event of generations that is announced inside the block."""
        self._listeners.append(on_event)
        try:
            yield
        finally:
            self._listeners.remove(on_event)

    def _begin(self, commit: Commit) -> Outstanding | None:
        """Begin a commit unless it is under way; None: no queue wants it, or there is no capacity."""
        if commit.id in self._outstanding:
            return self._outstanding[commit.id]
        self._tell_listeners(commit)
        if self._run_actor is None:
            return None
        deliveries = self._topology.deliveries(commit)
        if not deliveries:
            self._published(commit.id)
            return None
        if len(self._outstanding) >= self._capacity:
            return None
        outstanding = Outstanding(commit, len(deliveries), asyncio.get_running_loop().create_future())
        self._outstanding[commit.id] = outstanding
        for queue, event in deliveries.items():
            self._begin_handling(queue, event, outstanding)
        return outstanding

    def _begin_handling(self, queue: str, event: RecordedEvent, outstanding: Outstanding) -> None:
        task = asyncio.create_task(self._handle(queue, event, outstanding))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(self, queue: str, event: RecordedEvent, outstanding: Outstanding) -> None:
        async with self._limits[queue]:
            if self._run_actor is None:
                return  # it had not begun when the broker closed: its commit keeps the mark
            with suppress(Exception):  # the runner has logged it; the log redelivers
                await self._run_actor(queue, event)
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
