"""What a client has just done shows in the next list that he asks for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from store.errors import StoreError
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Row, row_of, rows_of

_LONGEST = 1.0  # seconds that an answer waits for its row

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteThrough:
    """Write the row of a generation that was just recorded, as the projector does again a moment later.

    The row is the same function of the fold, written over nothing newer: who comes first makes no difference.
    """

    write: Callable[[Sequence[Row]], Awaitable[None]]
    personal_data: PersonalDataStore
    timeouts: Timeouts

    async def show(self, generation: Generation, metadata: Mapping[str, object] | None = None) -> None:
        """Write its row; a store that is slow or fails leaves it to the projector and harms nobody.

        `metadata` are those of its words, if they are at hand.
        """
        try:
            async with asyncio.timeout(_LONGEST):
                await self._write(generation, metadata)
        except (StoreError, TimeoutError) as error:
            log.warning("row_not_written", generation_id=generation.id, error=type(error).__name__)

    async def _write(self, generation: Generation, metadata: Mapping[str, object] | None) -> None:
        if metadata is None:
            [row] = await rows_of([generation], self.personal_data, self.timeouts)
        else:
            row = row_of(generation, self.timeouts, metadata)
        await self.write([row])
