from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.webhooks import delivery as changes
from domain.webhooks.delivery import MOST_ATTEMPTS, NO_HOST, Attempt, Delivery, DeliveryState, EndReason
from domain.webhooks.delivery_filter import OWNER_DELETED, DeliveryFilter, restartable
from events.owner import GenerationErased
from store.webhooks.deliveries import AtLimit, Stats


class MemoryDeliveries:
    """Deliveries in this process, for simulations: nothing is deleted at `expire_at`."""

    def __init__(self) -> None:
        self._rows: dict[str, Delivery] = {}

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._rows.setdefault(delivery.id, delivery)

    async def due(self, now: datetime, *, excluding: AtLimit, limit: int) -> Sequence[Delivery]:
        due = [row for row in self._rows.values() if _is_due(row, now) and not excluding.includes(row)]
        return sorted(due, key=lambda row: row.due_at or now)[:limit]

    async def claim(self, delivery: Delivery, *, now: datetime, until: datetime, token: str) -> bool:
        row = self._rows.get(delivery.id)
        if row is None or not _is_due(row, now):
            return False
        self._change(row, due_at=until, claim=token, blocked=False)
        return True

    async def earlier(self, delivery: Delivery) -> Sequence[Delivery]:
        return [
            replace(row, attempts=())
            for row in self._queue(delivery)
            if row.state == "pending" and not row.unordered and row.version < delivery.version
        ]

    async def is_gone(self, delivery: Delivery) -> bool:
        since = delivery.restarted_at
        gone = [row for row in self._queue(delivery) if (row.state, row.reason) == ("failed", "gone")]
        return any(since is None or any(one.at >= since for one in row.attempts) for row in gone)

    async def postpone(self, delivery: Delivery, token: str, until: datetime) -> None:
        if row := self._claimed(delivery, token):
            self._change(row, **changes.postponed(until))

    async def record_attempt(self, delivery: Delivery, token: str, attempt: Attempt, retry_at: datetime | None) -> None:
        if row := self._claimed(delivery, token):
            fields = changes.attempted(delivery, attempt, retry_at)
            self._change(row, **fields, attempts=(*row.attempts, attempt)[-MOST_ATTEMPTS:])
        elif late := self._rows.get(delivery.id):
            kept = attempt if late.host != NO_HOST else replace(attempt, response="")
            self._change(late, attempts=(*late.attempts, kept)[-MOST_ATTEMPTS:])

    async def skip(self, delivery: Delivery, token: str, reason: EndReason) -> None:
        if row := self._claimed(delivery, token):
            self._change(row, **changes.skipped(reason))
            if reason in OWNER_DELETED:
                self._forget(row)

    async def wake(self, delivery: Delivery, now: datetime) -> None:
        self._wake(list(self._queue(delivery)), now)

    async def make_due(self, now: datetime, *, after: datetime, limit: int) -> int:
        pending = [row for row in self._rows.values() if row.state == "pending" and not row.blocked]
        late = [row for row in pending if row.due_at is not None and row.due_at > after]
        ahead = [row for row in late if not row.attempts or any(one.at > after for one in row.attempts)]
        for row in ahead:
            self._change(row, due_at=now)
        return len(ahead)

    async def get(self, project: str, endpoint: str, delivery: str) -> Delivery | None:
        row = self._rows.get(delivery)
        return row if row and (row.project, row.endpoint) == (project, endpoint) else None

    async def page(
        self, project: str, endpoint: str, chosen: DeliveryFilter, *, before: str | None, limit: int
    ) -> Sequence[Delivery] | None:
        newest_first = sorted(self._of(project, endpoint), key=_age, reverse=True)
        if before is not None:
            last = await self.get(project, endpoint, before)
            if last is None:
                return None
            newest_first = [row for row in newest_first if _age(row) < _age(last)]
        return list(filter(chosen.includes, newest_first))[:limit]

    async def states(self, ids: Sequence[str]) -> Mapping[str, DeliveryState]:
        return {name: self._rows[name].state for name in ids if name in self._rows}

    async def resend(self, project: str, endpoint: str, delivery: str, now: datetime) -> Delivery | None:
        row = await self.get(project, endpoint, delivery)
        return row and self._change(row, **changes.restarted(now, unordered=True))

    async def count(self, project: str, endpoint: str, chosen: DeliveryFilter) -> int:
        return len(self._restartable(project, endpoint, chosen))

    async def restart(self, project: str, endpoint: str, chosen: DeliveryFilter, now: datetime) -> int:
        rows = self._restartable(project, endpoint, chosen)
        return len([self._change(row, **changes.restarted(now, unordered=False)) for row in rows])

    async def skip_all(self, endpoint: str, reason: EndReason, *, generation: str | None = None) -> int:
        waiting = [row for row in self._rows.values() if row.endpoint == endpoint and row.state == "pending"]
        chosen = [row for row in waiting if generation in (None, row.generation)]
        return len([self._change(row, **changes.skipped(reason)) for row in chosen])

    async def set_host(self, project: str, endpoint: str, host: str) -> None:
        for row in self._of(project, endpoint):
            if row.host != NO_HOST:
                self._change(row, host=host)

    async def erase_generation(self, project: str, endpoints: Sequence[str], generation: str, now: datetime) -> None:
        queues = [row for name in endpoints for row in self._of(project, name) if row.generation == generation]
        for row in queues:
            if row.type != GenerationErased.type:
                if row.state == "pending":
                    self._change(row, **changes.skipped("generation_deleted"))
                self._forget(row)
        self._wake([self._rows[row.id] for row in queues], now)

    async def erase(self, endpoint: str) -> None:
        self._rows = {name: row for name, row in self._rows.items() if row.endpoint != endpoint}

    async def stats(self, project: str, endpoint: str, *, since: datetime) -> Stats:
        rows = [row for row in self._of(project, endpoint) if row.created_at >= since]
        attempts = [attempt for row in rows for attempt in row.attempts]
        times = [attempt.milliseconds for attempt in attempts]
        return Stats(
            states=Counter(row.state for row in rows),
            attempts=len(attempts),
            mean_milliseconds=sum(times) / len(times) if times else None,
            last_success_at=max((one.at for one in attempts if one.error is None), default=None),
            last_failure_at=max((one.at for one in attempts if one.error is not None), default=None),
        )

    def _of(self, project: str, endpoint: str) -> list[Delivery]:
        return [row for row in self._rows.values() if (row.project, row.endpoint) == (project, endpoint)]

    def _restartable(self, project: str, endpoint: str, chosen: DeliveryFilter) -> list[Delivery]:
        return [row for row in self._of(project, endpoint) if chosen.includes(row) and restartable(row)]

    def _queue(self, delivery: Delivery) -> Iterator[Delivery]:
        queue = (delivery.endpoint, delivery.generation)
        return (row for row in self._rows.values() if (row.endpoint, row.generation) == queue)

    def _claimed(self, delivery: Delivery, token: str) -> Delivery | None:
        row = self._rows.get(delivery.id)
        return row if row and row.claim == token else None

    def _change(self, row: Delivery, **fields: Any) -> Delivery:
        self._rows[row.id] = changed = replace(self._rows[row.id], **fields)
        return changed

    def _forget(self, row: Delivery) -> None:
        blank = tuple(replace(attempt, response="") for attempt in self._rows[row.id].attempts)
        self._change(row, host=NO_HOST, attempts=blank)

    def _wake(self, rows: Iterable[Delivery], now: datetime) -> None:
        for row in rows:
            if row.blocked and row.state == "pending":
                self._change(row, **changes.woken(now))


def _is_due(row: Delivery, now: datetime) -> bool:
    return row.state == "pending" and row.due_at is not None and row.due_at <= now


def _age(row: Delivery) -> tuple[datetime, str]:
    return row.created_at, row.id
