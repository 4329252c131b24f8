"""Write the row of what a client has just changed, so that clients find their own writes in lists."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from store.errors import StoreError
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of

ROW_SECONDS: Final = 1.0
"""How long an answer waits for rows."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteThrough:
    """Write rows of generations; the projection writes the same rows later.

    A row is a function of the fold and never replaces a newer one, so the order of both writes is free.
    """

    projection: Projection
    personal_data: PersonalDataStore
    timeouts: Timeouts

    async def write(self, *generations: Generation) -> None:
        """Write rows after a command; a slow or failing store leaves them to the projection."""
        try:
            async with asyncio.timeout(ROW_SECONDS):
                await self.projection.write(await rows_of(generations, self.personal_data, self.timeouts))
        except (StoreError, TimeoutError) as error:
            ids = [generation.id for generation in generations]
            log.warning("rows_not_written", generations=ids, error=type(error).__name__)
