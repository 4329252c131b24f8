"""The broker without RabbitMQ: commits reach the actors inside one process (law 2)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

import structlog

from events.commit import Commit
from events.envelope import RecordedEvent
from rabbitmq.consumer import RunActor
from rabbitmq.depths import Depth
from rabbitmq.handler_progress import HandlerProgress
from rabbitmq.topology import Topology, matches
from rabbitmq.wakeup import ALL_GENERATIONS, OnEvent

CAPACITY = 10_000

log = structlog.get_logger()


class InProcessBroker:
    """Publisher and consumer in one: the events of an announced commit are handled on the running loop.

    Of each queue at most `prefetch` events are handled at the same time, and at most `capacity` events are
    held: redelivery and the catch-up subscribers find the others, and what a killed process held.
    """

    def __init__(self, topology: Topology, *, prefetch: int = 16, capacity: int = CAPACITY) -> None:
        self._topology = topology
        self._limits = {queue: asyncio.Semaphore(prefetch) for queue in topology.queues}
        self._run_actor: RunActor | None = None
        self._capacity = capacity
        self._waiting = Counter[str]()
        self._running: set[asyncio.Task[None]] = set()
        self.progress = HandlerProgress()
        self._listeners: list[OnEvent] = []

    def health(self) -> dict[str, str]:
        """Describe the broker for the health route."""
        return {"status": "healthy", "type": "in-process"}

    @property
    def consuming(self) -> bool:
        """Whether commits are taken."""
        return self._run_actor is not None

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

    async def close(self, grace: float = 8.0) -> None:
        """Take nothing new and let handlers finish."""
        self._run_actor = None
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def announce(self, commit: Commit) -> None:
        """Begin to handle a commit if there is capacity; returns at once, raises nothing."""
        self._tell_listeners(commit)
        if self._run_actor is None:
            return
        for queue, event in self._topology.deliveries(commit).items():
            if len(self._running) < self._capacity:
                self._begin_handling(queue, event)

    async def waiting(self) -> Mapping[str, int]:
        """Count the events that wait in each queue for their handler."""
        return dict(self._waiting)

    async def depths(self) -> Mapping[str, Depth]:
        """Count as `waiting` does; this process is the worker of every queue."""
        return {queue: Depth(self._waiting[queue], consumers=1, dead=0) for queue in self._topology.queues}

    @asynccontextmanager
    async def subscribed(self, on_event: OnEvent) -> AsyncIterator[None]:
        """Call `on_event` for every event of generations that is announced inside the block."""
        self._listeners.append(on_event)
        try:
            yield
        finally:
            self._listeners.remove(on_event)

    def _begin_handling(self, queue: str, event: RecordedEvent) -> None:
        self._waiting[queue] += 1
        task = asyncio.create_task(self._handle(queue, event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(self, queue: str, event: RecordedEvent) -> None:
        async with self._limits[queue]:
            self._waiting[queue] -= 1
            if self._run_actor is None:  # the broker closed before it began
                return
            with self.progress.handling(), suppress(Exception):  # the runner has logged it; the log redelivers
                await self._run_actor(queue, event)

    def _tell_listeners(self, commit: Commit) -> None:
        for event in commit.events:
            if not matches(ALL_GENERATIONS, event.type):
                continue
            for on_event in tuple(self._listeners):
                try:
                    on_event(event.stream, event.version, event.type)
                except Exception:
                    log.exception("wakeup_failed", event_id=event.id)
