"""Select the generations to which an action applies now."""

from dataclasses import dataclass

from domain.bulk import MOST, applies
from domain.errors import invalid_field
from domain.generation.listing import Filters, ListCursor, Scope
from events.operation import BulkAction
from gateway.generations.write_through import WriteThrough
from store.generations.generations import Generations
from store.generations.lists import Lists

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkSelection:
    """Read the rows that a filter finds, newest first, and judge the generations by their streams."""

    lists: Lists
    generations: Generations
    write_through: WriteThrough

    async def find(self, action: BulkAction, scope: Scope, filters: Filters, *, is_public: bool) -> list[str]:
        """List ids; FieldError when there are more than a job may select."""
        await self.write_through.catch_up(scope)
        chosen: list[str] = []
        cursor: ListCursor | None = None
        while True:
            page = await self.lists.older_than(cursor, scope, filters, limit=_PAGE)
            loaded = await self.generations.load_all(page.ids)
            chosen += [one.id for one in loaded if applies(action, one, is_public=is_public)]
            if len(chosen) > MOST:
                raise invalid_field("body", "filter", f"finds more than {MOST} generations: narrow it by time")
            if page.next_cursor is None:
                return chosen
            cursor = page.next_cursor
