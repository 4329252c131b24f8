import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from domain.generation.listing import Filters, ListCursor, Scope
from events.envelope import Cause
from events.erasure import Grounds
from store.errors import StoreUnavailableError
from store.generations.erasure import GenerationErasure
from store.generations.lists import Lists
from store.generations.missing_rows import MissingRows
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of

PAGE: Final = 100
_AT_ONCE: Final = 16

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ErasedPage:
    """How many generations of a page were erased, still run, and could not be read; None: it was the last page."""

    erased: int = 0
    running: int = 0
    damaged: int = 0
    next_cursor: ListCursor | None = None

    @property
    def found(self) -> int:
        return self.erased + self.running + self.damaged

    def and_then(self, later: "ErasedPage") -> "ErasedPage":
        """Add the counts of the page behind this one."""
        return ErasedPage(
            self.erased + later.erased,
            self.running + later.running,
            self.damaged + later.damaged,
            later.next_cursor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeErasure:
    """Erase the generations of a user or a project, a page at a time. Repeatable, and may be interrupted."""

    lists: Lists
    generation_erasure: GenerationErasure
    projection: Projection
    personal_data: PersonalDataStore
    timeouts: Timeouts
    missing_rows: MissingRows

    async def erase_page(
        self, scope: Scope, cursor: ListCursor | None, *, grounds: Grounds, cause: Cause
    ) -> ErasedPage:
        """Erase the next older generations, the newest for no cursor; what runs is cancelled, and erased once final.

        Rows are written before the first page, so that it is no list of those alone that have one, and of what is
        erased, so that no list and no later page finds it again.
        """
        if cursor is None:
            await self.missing_rows.write(scope)
        page = await self.lists.older_than(cursor, scope, Filters(), limit=PAGE)
        after: list[Generation | None] = []
        for start in range(0, len(page.ids), _AT_ONCE):
            some = page.ids[start : start + _AT_ONCE]
            after += await asyncio.gather(*(self._erase(one, grounds, cause) for one in some))
        readable = [one for one in after if one is not None]
        await self.projection.write(await rows_of(readable, self.personal_data, self.timeouts))
        erased = sum(one.erased for one in readable)
        return ErasedPage(erased, len(readable) - erased, len(after) - len(readable), page.next_cursor)

    async def _erase(self, generation_id: str, grounds: Grounds, cause: Cause) -> Generation | None:
        """Return the generation afterwards; None for a stream that is damaged, which keeps no other."""
        try:
            decided = await self.generation_erasure.erase(generation_id, grounds=grounds, cause=cause)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one damaged stream must not keep the data of others
            log.warning("generation_not_erased", generation_id=generation_id, error=error)
            return None
        return None if decided is None else decided.generation
