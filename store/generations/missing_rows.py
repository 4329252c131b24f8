"""Rows of generations that were requested but have none yet."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from domain.generation.lifecycle import Timeouts
from domain.generation.listing import Scope
from store.errors import StoreError
from store.generations.generations import Generations
from store.generations.newest import PAGE, NewestGenerations, Requested
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of
from store.generations.row_progress import MARGIN, RowProgress

_REMEMBERED: Final = 10_000  # rows, and scopes
_LONG: Final = timedelta(minutes=1)

Key = TypeVar("Key")

log = structlog.get_logger()


class CaughtUp(NamedTuple):
    """may_lack: a list that was read meanwhile may lack rows; complete: every generation has its row now."""

    may_lack: bool
    complete: bool


class _Start(NamedTuple):
    """Since when generations may have no row; changed: more have got one since the call began."""

    time: datetime
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRows:
    """Write the rows that the projection has not written yet; it writes the same rows later.

    Looks at what was requested since the subscriber of rows is known to have been, and at the last half minute. A scope
    whose rows were all found is looked at from there on.
    """

    projection: Projection
    newest: NewestGenerations
    generations: Generations
    personal_data: PersonalDataStore
    timeouts: Timeouts
    clock: Callable[[], datetime]
    row_progress: RowProgress
    _turns: Iterator[int] = field(default_factory=count, init=False)
    _with_rows: dict[str, int] = field(default_factory=dict, init=False)
    """The turn in which the row of each generation was first seen."""
    _complete: dict[Scope, datetime] = field(default_factory=dict, init=False)

    async def write(
        self, scope: Scope, *, seconds: float | None = None, older_than: datetime | None = None
    ) -> CaughtUp:
        """Write the rows of a scope, the newest first; begin no further page after some `seconds`.

        A list that is read at the same time is begun after this call. Rows that exist now, but that no earlier call
        found, may have been written after it was read. older_than: the list has only what is older. Without `seconds`,
        all rows are written; raises StoreError where that fails, which is logged otherwise.
        """
        began, now, loop = next(self._turns), self.clock(), asyncio.get_running_loop()
        start = await self._start(scope, now, strict=seconds is None)
        if older_than is not None and older_than < start.time:
            return CaughtUp(start.changed, complete=True)
        ends, may_lack = None if seconds is None else loop.time() + seconds, start.changed
        async for page in self._pages(start.time, scope):
            may_lack |= bool(unseen := [one.id for one in page if self._with_rows.get(one.id, began) >= began])
            written = not unseen or await self._write(unseen, seconds)
            if not written or (ends is not None and len(page) == PAGE and loop.time() >= ends):
                return CaughtUp(may_lack, complete=False)
        self._complete.pop(scope, None)
        self._complete[scope] = now - MARGIN
        _drop_oldest(self._complete)
        return CaughtUp(may_lack, complete=True)

    async def _start(self, scope: Scope, now: datetime, *, strict: bool) -> _Start:
        """Look no further back than rows were known to be complete when the call began."""
        complete, known = self._complete.get(scope), self.row_progress.known
        try:
            reached = await self.row_progress.until()
        except StoreError as error:
            if strict:
                raise
            log.warning("row_progress_unknown", error=type(error).__name__)
            reached = known or now - MARGIN
        changed = known is None or reached - known > _LONG
        since = reached if known is None or changed else known
        return _Start(min(now - MARGIN, max(since, complete or since)), changed)

    async def _pages(self, since: datetime, scope: Scope) -> AsyncIterator[Sequence[Requested]]:
        page = await self.newest.since(since, scope)
        yield page
        while len(page) == PAGE and page[-1].time < page[0].time:
            page = await self.newest.since(since, scope, until=page[-1].time)
            yield page

    async def _write(self, unseen: Sequence[str], seconds: float | None) -> bool:
        """Write the rows that some generations lack; tell whether all have one, as far as they can be read."""
        known = await self.projection.versions([one for one in unseen if one not in self._with_rows])
        missing = await self.generations.load_all([one for one in unseen if one not in {*known, *self._with_rows}])
        self._remember(known)
        if not missing:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self.projection.write(await rows_of(missing, self.personal_data, self.timeouts))
        except (StoreError, TimeoutError) as error:
            if seconds is None:
                raise
            log.warning("rows_not_written", generations=[one.id for one in missing], error=type(error).__name__)
            return False
        return True

    def _remember(self, generation_ids: Iterable[str]) -> None:
        """Remember rows that exist, so that they are not looked for again."""
        seen = next(self._turns)
        for one in generation_ids:
            self._with_rows.setdefault(one, seen)
        _drop_oldest(self._with_rows)


def _drop_oldest(kept: dict[Key, Any]) -> None:
    while len(kept) > _REMEMBERED:
        del kept[next(iter(kept))]
