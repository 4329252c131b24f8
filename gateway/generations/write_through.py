"""Write the list row of a generation beside the log, so that clients find their own writes in lists."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from store.errors import StoreError
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Row, row_of, rows_of

_TIMEOUT = 1.0  # seconds that an answer waits for the row

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteThrough:
    """Write the row of a generation that was just recorded; the projection writes the same row later.

    The row is a function of the fold and never replaces a newer one, so the order of both writes is free.
    """

    write_rows: Callable[[Sequence[Row]], Awaitable[None]]
    personal_data: PersonalDataStore
    timeouts: Timeouts

    async def write(self, generation: Generation, metadata: Mapping[str, object] | None = None) -> None:
        """Write the row; a slow or failing store leaves it to the projection.

        `metadata` is read from the personal data when it is None.
        """
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self.write_rows([await self._row(generation, metadata)])
        except (StoreError, TimeoutError) as error:
            log.warning("row_not_written", generation_id=generation.id, error=type(error).__name__)

    async def _row(self, generation: Generation, metadata: Mapping[str, object] | None) -> Row:
        if metadata is not None:
            return row_of(generation, self.timeouts, metadata)
        [row] = await rows_of([generation], self.personal_data, self.timeouts)
        return row
