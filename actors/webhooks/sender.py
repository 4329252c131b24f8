"""Make the attempts that are due: claim, send, note what came of it. Any number of processes may do so."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from actors.webhooks.delivery_attempt import Courier
from actors.webhooks.http_client import Dialler
from domain.webhooks.delivery import Place, waits_until
from domain.webhooks.settings import WebhookSettings
from events.envelope import RecordedEvent
from store.errors import StoreError
from store.generations.personal_data import PersonalDataStore
from store.webhooks.deliveries import Busy, Delivery, pair_of
from store.webhooks.webhooks import Webhooks

_PAGE = 100
_SLOW_HOSTS = 10_000
_LOOK_AGAIN = timedelta(seconds=1)

log = structlog.get_logger()


@dataclass(slots=True)
class Room:
    """What is under way, counted by host, project and both: so that the slow take from nobody else.

    Hosts in `slow` answered their last attempt late or not at all, and get fewer.
    """

    settings: WebhookSettings
    hosts: Counter[str] = field(default_factory=Counter)
    projects: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    slow: dict[str, None] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.settings.at_once - self.projects.total()

    @property
    def busy(self) -> Busy:
        """Name those that have as many attempts under way as they may."""
        most = self.settings
        return Busy(
            frozenset(host for host, count in self.hosts.items() if count >= self._most_to(host)),
            _full(self.projects, most.at_once_per_project),
            _full(self.pairs, most.at_once_per_project_and_host),
        )

    def take(self, delivery: Delivery) -> bool:
        """Count one more, if it fits."""
        busy = self.busy
        pair = pair_of(delivery.project, delivery.host)
        closed = delivery.host in busy.hosts or delivery.project in busy.projects or pair in busy.pairs
        if closed or self.free <= 0:
            return False
        self._count(delivery, 1)
        return True

    def give_back(self, delivery: Delivery) -> bool:
        """Count one less; tell whether somebody may have waited for that."""
        busy, full = self.busy, self.free <= 0
        self._count(delivery, -1)
        return full or busy != Busy()

    def judge(self, host: str, *, slow: bool) -> None:
        """Keep in mind how quickly a host answered last; of very many slow ones the oldest is forgotten."""
        self.slow.pop(host, None)
        if slow:
            self.slow[host] = None
        if len(self.slow) > _SLOW_HOSTS:
            del self.slow[next(iter(self.slow))]

    def _most_to(self, host: str) -> int:
        most = self.settings.at_once_per_host
        return min(most, self.settings.at_once_per_slow_host) if host in self.slow else most

    def _count(self, delivery: Delivery, by: int) -> None:
        pair = pair_of(delivery.project, delivery.host)
        keys = ((self.hosts, delivery.host), (self.projects, delivery.project), (self.pairs, pair))
        for counter, key in keys:
            counter[key] += by
            if not counter[key]:
                del counter[key]


class Sender:
    """Attempts under way in this process. `round` begins what is due and waits for no receiver."""

    def __init__(
        self,
        courier: Courier,
        settings: WebhookSettings,
        *,
        clock: Callable[[], datetime],
        token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._deliveries = courier.webhooks.deliveries
        self._courier = courier
        self._settings = settings
        self._clock = clock
        self._token = token
        self._room = Room(settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._refilling: asyncio.Task[None] | None = None
        self._wanted = False
        self._closing = False

    async def round(self) -> int:
        """Begin every attempt that is due and for which there is room; return how many."""
        begun = 0
        async with self._turn:  # two rounds at once would want the same deliveries
            while self._room.free > 0:
                page = await self._deliveries.due(self._clock(), without=self._room.busy, limit=_PAGE)
                moved = await self._begin_all(page)
                begun += moved
                if moved == 0 or len(page) < _PAGE:
                    break
        return begun

    async def idle(self) -> None:
        """Wait until no attempt is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self, *, grace: float) -> None:
        """Let attempts end for a while; the claims of the rest run out, and others make them again."""
        self._closing = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _begin_all(self, page: Sequence[Delivery]) -> int:
        chosen = [delivery for delivery in page if self._room.take(delivery)]
        return sum(await asyncio.gather(*map(self._begin, chosen)))

    async def _begin(self, delivery: Delivery) -> bool:
        token, now = self._token(), self._clock()
        until, claimed = now + self._settings.lease, False
        try:
            claimed = await self._deliveries.claim(delivery, now=now, until=until, token=token)
        finally:
            if not claimed:
                self._room.give_back(delivery)
        if claimed:
            self._run(self._attempt(delivery, token))
        return claimed

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _attempt(self, delivery: Delivery, token: str) -> None:
        try:
            if not await self._must_wait(delivery, token):
                answer = await self._courier.attempt(delivery, token)
                if answer is not None:
                    self._room.judge(delivery.host, slow=answer.slow)
        except Exception as error:  # noqa: BLE001 - the claim runs out, and it is tried again
            log.warning("attempt not noted", delivery=delivery.id, error=repr(error))
        finally:
            if self._room.give_back(delivery):
                self._refill_soon()

    def _refill_soon(self) -> None:
        """Begin what waited for room, sooner than the schedule would."""
        self._wanted = True
        if not self._closing and (self._refilling is None or self._refilling.done()):
            self._refilling = self._run(self._refill())

    async def _refill(self) -> None:
        while self._wanted and not self._closing:
            self._wanted = False
            try:
                await self.round()
            except StoreError as error:
                log.warning("no refill", error=repr(error))

    async def _must_wait(self, delivery: Delivery, token: str) -> bool:
        """Let earlier events of the line go first; they wake this one, and it looks again by itself."""
        until = await self._waits_until(delivery)
        if until is None:
            return False
        await self._deliveries.put_off(delivery, token, max(until, self._clock()) + _LOOK_AGAIN)
        if await self._waits_until(delivery) is None:
            # The last before it ended while we looked, and found nobody to wake.
            await self._deliveries.wake(delivery, self._clock())
        return True

    async def _waits_until(self, delivery: Delivery) -> datetime | None:
        if delivery.lone:
            return None
        earlier = await self._deliveries.earlier(delivery)
        return waits_until(place_of(delivery), [place_of(other) for other in earlier])


@asynccontextmanager
async def open_sender(
    *,
    webhooks: Webhooks,
    personal_data: PersonalDataStore,
    visible: Callable[[RecordedEvent], dict[str, Any] | None],
    public_url: str | None,
    clock: Callable[[], datetime],
    grace: float = 20.0,
) -> AsyncIterator[Sender]:
    """Make a sender that dials for real; at its end attempts under way have `grace` seconds."""
    settings = webhooks.settings
    async with Dialler(settings) as dialler:
        courier = Courier(
            webhooks=webhooks,
            personal_data=personal_data,
            dial=dialler,
            visible=visible,
            public_url=public_url,
            chance=random.random,
            clock=clock,
        )
        sender = Sender(courier, settings, clock=clock)
        try:
            yield sender
        finally:
            await sender.close(grace=grace)


def place_of(delivery: Delivery) -> Place:
    """Tell where a pending delivery stands."""
    return Place(delivery.version, delivery.final, delivery.failures, delivery.due_at or delivery.created_at)


def _full(counter: Counter[str], most: int) -> frozenset[str]:
    return frozenset(key for key, count in counter.items() if count >= most)
