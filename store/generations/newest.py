import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import ClassVar, Final

from pymongo import IndexModel

from domain.generation.generation import id_of
from domain.generation.listing import Scope
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, raises_unavailable
from store.mongo.finding import find_few

_INDEX: Final = "requested"
_LONGEST: Final = 500  # more than one client submits in the time that is asked for
_TOGETHER: Final = 16  # scopes in one query
_FIELDS: Final[Document] = {"_id": 0, "stream": 1, "project": 1, "user": 1, "time": 1}


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
        self._asked: Batcher[tuple[datetime, Scope], Sequence[str]] = Batcher(self._find, largest=_TOGETHER)

    async def since(self, time: datetime, scope: Scope) -> Sequence[str]:
        """List the ids of what was requested since a time, newest first, at most 500."""
        return await self._asked.put((time, scope))

    async def _find(self, asked: Sequence[tuple[datetime, Scope]]) -> Sequence[Sequence[str]]:
        if len(asked) > 1 and (found := await self._find_together(asked)) is not None:
            return found
        return await asyncio.gather(*(self._find_one(time, scope) for time, scope in asked))

    async def _find_one(self, time: datetime, scope: Scope) -> Sequence[str]:
        query, newest_first = _requested(scope, time), [("time", -1)]
        found = await find_few(self._commits, query, _FIELDS, order=newest_first, index=_INDEX, most=_LONGEST)
        return [id_of(commit["stream"]) for commit in found]

    async def _find_together(self, asked: Sequence[tuple[datetime, Scope]]) -> Sequence[Sequence[str]] | None:
        """Read what was requested in all scopes; None for more than one of them may have."""
        since = min(time for time, _ in asked)
        query = {"$or": [_requested(scope, since) for scope in dict.fromkeys(scope for _, scope in asked)]}
        found = await find_few(self._commits, query, _FIELDS, index=_INDEX, most=_LONGEST + 1)
        if len(found) > _LONGEST:
            return None
        by_owner = defaultdict[tuple[str, str | None], list[Document]](list)
        for commit in sorted(found, key=itemgetter("time"), reverse=True):
            by_owner[commit["project"], commit["user"]].append(commit)
            by_owner[commit["project"], None].append(commit)
        return [
            [id_of(one["stream"]) for one in by_owner.get((scope.project, scope.user), ()) if one["time"] >= time]
            for time, scope in asked
        ]


def _requested(scope: Scope, since: datetime) -> Document:
    """Query the first commits of a scope."""
    query: Document = {"project": scope.project, "first": 1, "time": {"$gte": since}}
    return query if scope.user is None else {**query, "user": scope.user}
