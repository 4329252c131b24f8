"""Make the attempts that are due: claim, send, note what came of it. Any number of processes may do so."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from actors.delivering import Courier
from domain.webhook_settings import WebhookSettings
from domain.webhooks import Place, waits_until
from store.deliveries import Busy, Delivery, DeliveryStore, pair_of

_PAGE = 100
_LOOK_AGAIN = timedelta(seconds=1)

log = structlog.get_logger()


@dataclass(slots=True)
class Room:
    """What is under way, counted by host, project and both: so that the slow take from nobody else."""

    settings: WebhookSettings
    hosts: Counter[str] = field(default_factory=Counter)
    projects: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)

    @property
    def free(self) -> int:
        return self.settings.at_once - self.projects.total()

    @property
    def busy(self) -> Busy:
        """Name those that have as many attempts under way as they may."""
        most = self.settings
        return Busy(
            _full(self.hosts, most.at_once_per_host),
            _full(self.projects, most.at_once_per_project),
            _full(self.pairs, most.at_once_per_project_and_host),
        )

    def has(self, delivery: Delivery) -> bool:
        """Tell whether one more fits."""
        busy = self.busy
        pair = pair_of(delivery.project, delivery.host)
        closed = delivery.host in busy.hosts or delivery.project in busy.projects or pair in busy.pairs
        return self.free > 0 and not closed

    def count(self, delivery: Delivery, by: int) -> None:
        """Note that an attempt begins (1) or ends (-1)."""
        pair = pair_of(delivery.project, delivery.host)
        for counter, key in (
            (self.hosts, delivery.host),
            (self.projects, delivery.project),
            (self.pairs, pair),
        ):
            counter[key] += by
            if not counter[key]:
                del counter[key]


class Sender:
    """Attempts under way in this process. `round` begins what is due and returns; it waits for no receiver."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        courier: Courier,
        settings: WebhookSettings,
        *,
        clock: Callable[[], datetime],
        token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._deliveries = deliveries
        self._courier = courier
        self._settings = settings
        self._clock = clock
        self._token = token
        self._room = Room(settings)
        self._tasks: set[asyncio.Task[None]] = set()

    async def round(self) -> int:
        """Begin every attempt that is due and for which there is room; return how many."""
        begun = 0
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
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _begin_all(self, page: Sequence[Delivery]) -> int:
        moved = 0
        for delivery in page:
            if self._room.has(delivery):
                moved += await self._begin(delivery)
        return moved

    async def _begin(self, delivery: Delivery) -> bool:
        token, now = self._token(), self._clock()
        until = now + self._settings.lease
        if not await self._deliveries.claim(delivery, now=now, until=until, token=token):
            return False
        claimed = replace(delivery, claim=token)
        self._room.count(claimed, 1)
        task = asyncio.create_task(self._attempt(claimed, token))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _attempt(self, delivery: Delivery, token: str) -> None:
        try:
            if not await self._must_wait(delivery, token):
                await self._courier.attempt(delivery, token)
        except Exception as error:  # noqa: BLE001 - the claim runs out, and it is tried again
            log.warning("attempt not noted", delivery=delivery.id, error=repr(error))
        finally:
            self._room.count(delivery, -1)

    async def _must_wait(self, delivery: Delivery, token: str) -> bool:
        """Let earlier events of the line go first; they wake this one, and it looks again by itself."""
        if delivery.lone:
            return False
        earlier = [place_of(other) for other in await self._deliveries.earlier(delivery)]
        until = waits_until(place_of(delivery), earlier)
        if until is not None:
            later = max(until, self._clock()) + _LOOK_AGAIN
            await self._deliveries.put_off(delivery, token, later)
        return until is not None


def place_of(delivery: Delivery) -> Place:
    """Tell where a pending delivery stands."""
    return Place(delivery.version, delivery.final, delivery.failures, delivery.due_at or delivery.created_at)


def _full(counter: Counter[str], most: int) -> frozenset[str]:
    return frozenset(key for key, count in counter.items() if count >= most)
