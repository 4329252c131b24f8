import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import ClassVar, Final, NamedTuple

from pymongo import IndexModel

from domain.generation.generation import id_of
from domain.generation.listing import Scope
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, raises_unavailable
from store.mongo.finding import find_few

PAGE: Final = 500
"""More than one client submits in half a minute."""

_INDEX: Final = "requested"
_TOGETHER: Final = 16  # scopes in one query
_FIELDS: Final[Document] = {"_id": 0, "stream": 1, "project": 1, "user": 1, "time": 1}


class Requested(NamedTuple):
    """A generation, and when it was requested."""

    id: str
    time: datetime


@raises_unavailable
class NewestGenerations:
    """Name generations by the log itself, whose rows may not be written yet; concurrent calls share a query."""

    indexes: ClassVar[Indexes] = {
        "commits": [
            IndexModel(
                [("project", 1), ("time", -1), ("user", 1)],
                name=_INDEX,
                partialFilterExpression={"first": 1, "project": {"$exists": True}},
            )
        ]
    }

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._asked: Batcher[tuple[datetime, Scope], Sequence[Requested]] = Batcher(self._find, largest=_TOGETHER)

    async def since(self, time: datetime, scope: Scope, *, until: datetime | None = None) -> Sequence[Requested]:
        """List what was requested since a time, and not after another, newest first: the first `PAGE`."""
        if until is None:
            return await self._asked.put((time, scope))
        return await self._find_one(time, scope, until)

    async def _find(self, asked: Sequence[tuple[datetime, Scope]]) -> Sequence[Sequence[Requested]]:
        if len(asked) > 1 and (found := await self._find_together(asked)) is not None:
            return found
        return await asyncio.gather(*(self._find_one(time, scope) for time, scope in asked))

    async def _find_one(self, time: datetime, scope: Scope, until: datetime | None = None) -> Sequence[Requested]:
        query, newest_first = _requested(scope, time, until), [("time", -1)]
        found = await find_few(self._commits, query, _FIELDS, order=newest_first, index=_INDEX, most=PAGE)
        return [_named(commit) for commit in found]

    async def _find_together(self, asked: Sequence[tuple[datetime, Scope]]) -> Sequence[Sequence[Requested]] | None:
        """Read what was requested in all scopes; None for more than one of them may have."""
        since = dict[Scope, datetime]()
        for time, scope in asked:
            since[scope] = min(time, since.get(scope, time))
        query = {"$or": [_requested(scope, time) for scope, time in since.items()]}
        found = await find_few(self._commits, query, _FIELDS, index=_INDEX, most=PAGE + 1)
        if len(found) > PAGE:
            return None
        by_owner = defaultdict[tuple[str, str | None], list[Requested]](list)
        for commit in sorted(found, key=itemgetter("time"), reverse=True):
            by_owner[commit["project"], commit["user"]].append(_named(commit))
            by_owner[commit["project"], None].append(_named(commit))
        return [
            [one for one in by_owner.get((scope.project, scope.user), ()) if one.time >= time] for time, scope in asked
        ]


def _named(commit: Document) -> Requested:
    return Requested(id_of(commit["stream"]), commit["time"])


def _requested(scope: Scope, since: datetime, until: datetime | None = None) -> Document:
    """Query the first commits of a scope."""
    time = {"$gte": since} if until is None else {"$gte": since, "$lte": until}
    query: Document = {"project": scope.project, "first": 1, "time": time}
    return query if scope.user is None else {**query, "user": scope.user}
