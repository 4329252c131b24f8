import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.generation.lifecycle import UNSENT
from store.generations.projection import ALWAYS, Row

_UNSENT = frozenset(state.value for state in UNSENT)


class MemoryProjection:
    """Rows in a dictionary, for simulation."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    async def write(self, rows: Sequence[Row]) -> None:
        await asyncio.sleep(0)
        for row in rows:
            stored = self._rows.get(row.id)
            if stored is None or stored.version < row.version:
                self._rows[row.id] = row

    async def write_soon(self, rows: Sequence[Row]) -> None:
        await self.write(rows)

    async def versions(self, ids: Sequence[str]) -> dict[str, int]:
        await asyncio.sleep(0)
        return {key: self._rows[key].version for key in ids if key in self._rows}

    async def is_due(self, now: datetime) -> bool:
        await asyncio.sleep(0)
        return any(row.due_at is not None and row.due_at <= now for row in self._rows.values())

    async def due_at(self, states: Sequence[str], rank: int) -> datetime | None:
        await asyncio.sleep(0)
        due = [row.due_at for row in self._rows.values() if row.state in states and row.due_at is not None]
        return next(iter(sorted(due, reverse=True)[rank - 1 :]), None)

    async def due(
        self,
        until: Mapping[str, datetime],
        *,
        after: str,
        limit: int,
        canceling: bool = False,
        since: datetime = ALWAYS,
    ) -> Sequence[Row]:
        await asyncio.sleep(0)
        found = (
            row
            for row in self._by_id()
            if row.state in until
            and row.id > after
            and row.due_at is not None
            and since < row.due_at <= until[row.state]
        )
        return [row for row in found if row.cancel_requested or not canceling][:limit]

    async def unresolved(self, since: datetime, *, limit: int, after: str = "") -> Sequence[Row]:
        await asyncio.sleep(0)
        found = [(row.unresolved_since, row) for row in self._by_id() if row.unresolved_since and row.id > after]
        return [row for given_up_at, row in found if given_up_at > since][:limit]

    async def uncharged(self, developer: str, period: str) -> int:
        await asyncio.sleep(0)
        return sum(row.uncharged for row in self._rows.values() if (row.developer, row.period) == (developer, period))

    async def finished_before(self, moment: datetime, ids: Sequence[str]) -> Sequence[str]:
        await asyncio.sleep(0)
        rows = [self._rows[name] for name in ids if name in self._rows]
        return [row.id for row in rows if row.finished_at is not None and row.finished_at < moment]

    async def delete_labels(self, ids: Sequence[str]) -> None:
        await asyncio.sleep(0)
        self._rows |= {name: replace(self._rows[name], labels=()) for name in ids if name in self._rows}

    async def expired(self, now: datetime, *, limit: int, excluding: Collection[str] = ()) -> Sequence[Row]:
        await asyncio.sleep(0)
        return [row for row in self._by_id() if _is_expired(row, now) and row.id not in excluding][:limit]

    def _by_id(self) -> Iterable[Row]:
        return sorted(self._rows.values(), key=lambda row: row.id)


def _is_expired(row: Row, now: datetime) -> bool:
    never_sent = row.state in _UNSENT and row.start_by <= now
    unfinished = row.status in ("pending", "processing") and row.finish_by <= now
    return never_sent or unfinished
