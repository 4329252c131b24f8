"""Lists of generations, newest first, as their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.generation.listing import Filters, ListCursor, Scope
from store.generations.projection import Row


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are; when not exact, that many and more."""

    number: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows behind a place, and where to go on; `more` is None at the end.

    There may be fewer rows than were asked for, even none, and more all the same.
    """

    rows: Sequence[Row]
    more: ListCursor | None


class Lists(Protocol):
    """Every combination of scope and filters is answered from an index, in its order.

    No more than `TOTAL_BOUND` of what the index finds is compared with the filters that it does not
    hold: a page and a total know no more than these, a stretch says where to go on behind them.
    """

    async def page(self, scope: Scope, filters: Filters, *, page: int, per_page: int) -> Sequence[Row]:
        """Read a page by its number, from 1."""
        ...

    async def behind(
        self, place: ListCursor | None, scope: Scope, filters: Filters, *, limit: int
    ) -> Stretch:
        """Read the next older ones behind a place; the newest for None."""
        ...

    async def total(self, scope: Scope, filters: Filters) -> Total:
        """Count, up to the bound of `domain.generation.listing`."""
        ...
