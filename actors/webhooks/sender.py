"""Send the deliveries that are due: claim, attempt, record. Any number of processes may do so."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

import structlog

from actors.webhooks.concurrency_limiter import ConcurrencyLimiter
from actors.webhooks.delivery_attempt import DeliveryAttempts
from domain.webhooks.delivery import Delivery, waits_until
from store.errors import StoreError
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.settings import WebhookSettings

_PAGE = 100
_CHECK_AGAIN = timedelta(seconds=1)
_GRACE_SECONDS = 8.0

log = structlog.get_logger()


class Sender:
    """Attempts in progress in this process; at the end of `async with` they get 8 seconds."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        delivery_attempts: DeliveryAttempts,
        *,
        webhook_settings: WebhookSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._deliveries = deliveries
        self._attempts = delivery_attempts
        self._limiter = ConcurrencyLimiter(webhook_settings)
        self._lease = webhook_settings.lease
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning = asyncio.Lock()
        self._refilling: asyncio.Task[None] | None = None
        self._refill_wanted = False
        self._closing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close(grace=_GRACE_SECONDS)

    async def send_due(self) -> int:
        """Begin every attempt that is due and within the limits, wait for none; return how many."""
        begun = 0
        async with self._beginning:  # two calls at once would choose the same deliveries
            while self._limiter.free > 0:
                excluding = self._limiter.at_limit
                page = await self._deliveries.due(self._clock(), excluding=excluding, limit=_PAGE)
                claimed = await self._begin_all(page)
                begun += claimed
                if claimed == 0 or len(page) < _PAGE:
                    break
        return begun

    async def idle(self) -> None:
        """Wait until no attempt is in progress."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self, *, grace: float) -> None:
        """Wait `grace` seconds for attempts; the claims of the rest end, and other processes repeat them."""
        self._closing = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _begin_all(self, page: Sequence[Delivery]) -> int:
        chosen = [delivery for delivery in page if self._limiter.acquire(delivery)]
        return sum(await asyncio.gather(*map(self._begin, chosen)))

    async def _begin(self, delivery: Delivery) -> bool:
        token, now, claimed = secrets.token_hex(8), self._clock(), False
        try:
            claimed = await self._deliveries.claim(delivery, now=now, until=now + self._lease, token=token)
        finally:
            if not claimed:
                self._limiter.release(delivery)
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
            if not await self._postponed(delivery, token):
                response = await self._attempts.make(delivery, token)
                if response is not None:
                    self._limiter.note_response(delivery.host, slow=response.slow)
        except Exception as error:  # noqa: BLE001 - the claim ends, and the attempt is repeated
            log.warning("webhook_attempt_not_recorded", delivery=delivery.id, error=error)
        finally:
            if self._limiter.release(delivery):
                self._refill_soon()

    def _refill_soon(self) -> None:
        """Begin what waited for the limits, sooner than the schedule would."""
        self._refill_wanted = True
        if not self._closing and (self._refilling is None or self._refilling.done()):
            self._refilling = self._run(self._refill())

    async def _refill(self) -> None:
        while self._refill_wanted and not self._closing:
            self._refill_wanted = False
            try:
                await self.send_due()
            except StoreError as error:
                log.warning("webhook_refill_failed", error=error)

    async def _postponed(self, delivery: Delivery, token: str) -> bool:
        """Postpone a delivery behind earlier ones of its queue; they wake it, or it is checked again."""
        until = await self._waits_until(delivery)
        if until is None:
            return False
        await self._deliveries.postpone(delivery, token, max(until, self._clock()) + _CHECK_AGAIN)
        if await self._waits_until(delivery) is None:
            # The last earlier one ended in the meantime and found nothing to wake.
            await self._deliveries.wake(delivery, self._clock())
        return True

    async def _waits_until(self, delivery: Delivery) -> datetime | None:
        return waits_until(delivery, await self._deliveries.earlier(delivery))
