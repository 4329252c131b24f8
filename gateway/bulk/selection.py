"""Select the generations to which an action applies now."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.bulk import MOST, applies
from domain.errors import ErrorCode, FieldError
from domain.generation.listing import TOTAL_BOUND, Filters, Scope
from events.operation import BulkAction
from store.errors import StoreUnavailableError
from store.generations.generations import Generations
from store.generations.lists import Lists
from store.generations.missing_rows import MissingRows

_MOST_PAGES: Final = 5
_ROW_SECONDS: Final = 5.0
_LOADED_AT_ONCE: Final = 500
_OF_RUNNING: Final = frozenset({"cancel", "redeliver"})

_TOO_MANY: Final = f"finds more than {MOST} generations; narrow it by time"
_TOO_WIDE: Final = "compares too many generations to find those that it names; narrow it by time"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkSelection:
    """Read the rows that a filter finds, newest first, and judge the generations by their streams.

    A page has `page_size` ids, or compares so many rows where no index serves the whole filter; `most_pages` are read.
    """

    lists: Lists
    generations: Generations
    missing_rows: MissingRows
    page_size: int = TOTAL_BOUND
    most_pages: int = _MOST_PAGES

    async def find(self, action: BulkAction, scope: Scope, filters: Filters, *, is_public: bool) -> list[str]:
        """List ids; `selection_too_large` when a job may not select so many, or too much would be read.

        Raises StoreUnavailableError while rows are missing that cannot be written in some seconds.
        """
        if not (await self.missing_rows.write(scope, seconds=_ROW_SECONDS)).complete:
            raise StoreUnavailableError("rows of generations are missing")
        chosen = dict[str, None]()
        async for ids in self._found(_narrowed(action, filters), scope):
            loaded = await self.generations.load_all(ids)
            chosen |= dict.fromkeys(one.id for one in loaded if applies(action, one, is_public=is_public))
            if len(chosen) > MOST:
                raise _refusal(_TOO_MANY)
        return list(chosen)

    async def _found(self, narrowed: Sequence[Filters], scope: Scope) -> AsyncIterator[Sequence[str]]:
        """Read what the filters find, some hundred ids at once."""
        left = self.most_pages
        for filters in narrowed:
            page = await self.lists.older_than(None, scope, filters, limit=self.page_size)
            while True:
                for first in range(0, len(page.ids), _LOADED_AT_ONCE):
                    yield page.ids[first : first + _LOADED_AT_ONCE]
                left -= 1
                if (cursor := page.next_cursor) is None:
                    break
                if left <= 0:
                    raise _refusal(_TOO_WIDE)
                page = await self.lists.older_than(cursor, scope, filters, limit=self.page_size)


def _refusal(message: str) -> FieldError:
    return FieldError(ErrorCode.SELECTION_TOO_LARGE, ("body", "filter"), message, "value_error")


def _narrowed(action: BulkAction, filters: Filters) -> Sequence[Filters]:
    """Look only at what runs where the action applies to nothing else."""
    if action not in _OF_RUNNING or filters.status is not None or filters.state is not None:
        return [filters]
    return [replace(filters, status="pending"), replace(filters, status="processing")]
