"""Usage, read from the sums of the sealed log (`store.quota.usage_sums`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Final, Literal

from store.mongo.connection import Database, Document, aggregate, raises_unavailable
from store.quota.usage_sums import MEMBERS

Dimension = Literal["project", "user", "day", "month", "key"]

DIMENSIONS: Final[Mapping[Dimension, object]] = {
    "project": "$project",
    "user": "$user",
    "day": "$day",
    "month": "$period",
    "key": {"$ifNull": ["$key", ""]},
}
MOST_LINES: Final = 10_000
_SUMS: Final = {name: {"$sum": f"${name}"} for name in MEMBERS}


class TooManyLinesError(Exception):
    """The result would have more than `MOST_LINES` lines."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Generations by status; `units` counts against the month: all but the failed. `cost_microusd`: what they cost."""

    generations: int = 0
    completed: int = 0
    failed: int = 0
    cost_microusd: int = 0

    @property
    def running(self) -> int:
        return self.generations - self.completed - self.failed

    @property
    def units(self) -> int:
        return self.generations - self.failed

    @property
    def cost_usd(self) -> float:
        return self.cost_microusd / 1_000_000

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the result: the values of its dimensions and its tally."""

    values: tuple[str, ...]
    tally: Tally


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """A developer's generations admitted from `first` to `last` (UTC days, inclusive), grouped by `by`."""

    developer: str
    first: date
    last: date
    by: tuple[Dimension, ...]
    project: str | None = None
    user: str | None = None


@raises_unavailable
class Usage:
    """Query the sums in collection `usage`, and the rows in `generations`."""

    def __init__(self, database: Database) -> None:
        self._sums = database.get_collection("usage")
        self._rows = database.get_collection("generations")

    async def lines(self, query: UsageQuery) -> Sequence[Line]:
        """Read the lines in the order of their values; raises TooManyLinesError above 10,000."""
        documents = await aggregate(self._sums, _pipeline(query), most=MOST_LINES + 1, allowDiskUse=True)
        if len(documents) > MOST_LINES:
            raise TooManyLinesError
        return [_line(query, document) for document in documents]

    async def admitted(self, developer: str, since: datetime) -> Sequence[str]:
        """List a developer's generations admitted since a moment."""
        query = {"developer": developer, "created_at": {"$gte": since}}
        found = await self._rows.find(query, {"_id": 1}).to_list(None)
        return [document["_id"] for document in found]


def _pipeline(query: UsageQuery) -> list[Document]:
    first, end = query.first.isoformat(), (query.last + timedelta(days=1)).isoformat()
    days: Document = {"_id": {"$gte": f"{query.developer}/{first}", "$lt": f"{query.developer}/{end}"}}
    if query.user is not None:
        days = {"user": query.user, "day": {"$gte": first, "$lt": end}}
    project = {} if query.project is None else {"project": query.project}
    return [
        {"$match": {"developer": query.developer, **project, **days}},
        {"$group": {"_id": {name: DIMENSIONS[name] for name in query.by}, **_SUMS}},
        {"$sort": {"_id": 1}},
        {"$limit": MOST_LINES + 1},
    ]


def _line(query: UsageQuery, document: Document) -> Line:
    values = tuple(document["_id"][name] for name in query.by)
    return Line(values, Tally(**{name: document[name] for name in _SUMS}))
