"""Write list rows that the projection has not written yet, so that clients find their own writes in lists."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import structlog

from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from domain.generation.listing import Scope
from store.errors import StoreError
from store.generations.generations import Generations
from store.generations.newest import NewestGenerations
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of

_TIMEOUT = 1.0  # seconds that an answer waits for the row
_REMEMBERED = 10_000  # rows
_RECENT = timedelta(seconds=30)  # far longer than the projection takes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteThrough:
    """Write rows of generations; the projection writes the same rows later.

    A row is a function of the fold and never replaces a newer one, so the order of both writes is free.
    """

    projection: Projection
    newest: NewestGenerations
    generations: Generations
    personal_data: PersonalDataStore
    timeouts: Timeouts
    clock: Callable[[], datetime]
    _turns: Iterator[int] = field(default_factory=count, init=False)
    _with_rows: dict[str, int] = field(default_factory=dict, init=False)
    """The turn in which the row of each generation was first seen."""

    async def write(self, *generations: Generation) -> None:
        """Write rows after a command; a slow or failing store leaves them to the projection."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self.projection.write(await rows_of(generations, self.personal_data, self.timeouts))
        except (StoreError, TimeoutError) as error:
            ids = [generation.id for generation in generations]
            log.warning("rows_not_written", generations=ids, error=type(error).__name__)

    async def catch_up(self, scope: Scope) -> bool:
        """Write the rows that requests of the last seconds lack; tell whether a list read meanwhile may lack any.

        Rows that exist now, but that no earlier call found, may have been written after that list was read.
        """
        began = next(self._turns)
        newest = await self.newest.since(self.clock() - _RECENT, scope)
        unseen = [one for one in newest if self._with_rows.get(one, began) >= began]
        if not unseen:
            return False
        known = await self.projection.versions([one for one in unseen if one not in self._with_rows])
        missing = await self.generations.load_all([one for one in unseen if one not in {*known, *self._with_rows}])
        self._remember(known)
        if missing:
            await self.write(*missing)
        return True

    def _remember(self, generation_ids: Iterable[str]) -> None:
        """Remember rows that exist, so that they are not looked for again."""
        seen = next(self._turns)
        for one in generation_ids:
            self._with_rows.setdefault(one, seen)
        while len(self._with_rows) > _REMEMBERED:
            del self._with_rows[next(iter(self._with_rows))]
