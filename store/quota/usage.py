"""Usage: an aggregate over the rows, not a counter, so that repeated messages cannot change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Final, Literal

from pymongo import IndexModel

from store.mongo.connection import Database, Document, Indexes, aggregate, raises_unavailable

Dimension = Literal["project", "user", "day", "month"]

DIMENSIONS: Final[Mapping[Dimension, object]] = {
    "project": "$project",
    "user": "$user",
    "day": {"$dateToString": {"date": "$created_at", "format": "%Y-%m-%d"}},
    "month": "$period",
}
MOST_LINES: Final = 10_000
_ENDED: Final = ("completed", "failed")


class TooManyLinesError(Exception):
    """The result would have more than `MOST_LINES` lines."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Generations by status; `units` counts against the month: all but the failed."""

    generations: int = 0
    completed: int = 0
    failed: int = 0

    @property
    def running(self) -> int:
        return self.generations - self.completed - self.failed

    @property
    def units(self) -> int:
        return self.generations - self.failed

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.generations + other.generations, self.completed + other.completed, self.failed + other.failed)


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
    """Query the rows in collection `generations`."""

    indexes: ClassVar[Indexes] = {
        "generations": [
            IndexModel(
                [(name, 1) for name in ("developer", "created_at", "project", "user", "period", "status")],
                name="usage",
            )
        ]
    }

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("generations")

    async def lines(self, query: UsageQuery) -> Sequence[Line]:
        """Read the lines in the order of their values; raises TooManyLinesError above 10,000."""
        documents = await aggregate(self._rows, _pipeline(query), most=MOST_LINES + 1, allowDiskUse=True)
        if len(documents) > MOST_LINES:
            raise TooManyLinesError
        return [_line(query, document) for document in documents]

    async def admitted(self, developer: str, since: datetime) -> Sequence[str]:
        """List a developer's generations admitted since a moment."""
        query = {"developer": developer, "created_at": {"$gte": since}}
        found = await self._rows.find(query, {"_id": 1}).to_list(None)
        return [document["_id"] for document in found]


def _pipeline(query: UsageQuery) -> list[Document]:
    first = datetime.combine(query.first, time(), UTC)
    end = datetime.combine(query.last + timedelta(days=1), time(), UTC)
    owner = {"developer": query.developer, "project": query.project, "user": query.user}
    named = {name: value for name, value in owner.items() if value is not None}
    counts = {name: {"$sum": {"$cond": [{"$eq": ["$status", name]}, 1, 0]}} for name in _ENDED}
    return [
        {"$match": {**named, "created_at": {"$gte": first, "$lt": end}}},
        {"$group": {"_id": {name: DIMENSIONS[name] for name in query.by}, "all": {"$sum": 1}, **counts}},
        {"$sort": {"_id": 1}},
        {"$limit": MOST_LINES + 1},
    ]


def _line(query: UsageQuery, document: Document) -> Line:
    values = tuple(document["_id"][name] for name in query.by)
    return Line(values, Tally(document["all"], document["completed"], document["failed"]))
