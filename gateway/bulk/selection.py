"""Select the generations to which an action applies now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.bulk import MOST, applies
from domain.errors import invalid_field
from domain.generation.listing import Filters, ListCursor, Scope
from events.operation import BulkAction
from gateway.generations.write_through import WriteThrough
from store.generations.generations import Generations
from store.generations.lists import Lists

_PAGE: Final = 500
_MOST_LOOKED_AT: Final = 50_000
_OF_RUNNING: Final = frozenset({"cancel", "redeliver"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkSelection:
    """Read the rows that a filter finds, newest first, and judge the generations by their streams."""

    lists: Lists
    generations: Generations
    write_through: WriteThrough

    async def find(self, action: BulkAction, scope: Scope, filters: Filters, *, is_public: bool) -> list[str]:
        """List ids; FieldError when the filter finds more than a job may select, or than is looked at."""
        await self.write_through.catch_up(scope)
        chosen, looked_at = list[str](), 0
        for some in _narrowed(action, filters):
            cursor: ListCursor | None = None
            while True:
                page = await self.lists.older_than(cursor, scope, some, limit=_PAGE)
                loaded = await self.generations.load_all(page.ids)
                chosen += [one.id for one in loaded if applies(action, one, is_public=is_public)]
                looked_at += len(page.ids)
                if len(chosen) > MOST or looked_at > _MOST_LOOKED_AT:
                    raise invalid_field("body", "filter", f"finds more than {MOST} generations; narrow it by time")
                if (cursor := page.next_cursor) is None:
                    break
        return list(dict.fromkeys(chosen))


def _narrowed(action: BulkAction, filters: Filters) -> Sequence[Filters]:
    """Look only at what runs where the action applies to nothing else."""
    if action not in _OF_RUNNING or filters.status is not None or filters.state is not None:
        return [filters]
    return [replace(filters, status="pending"), replace(filters, status="processing")]
