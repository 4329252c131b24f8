from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from pymongo import DESCENDING

from domain.audit.accesses import RecentAccesses, fold, record, stream_of
from events.access import LogRead
from events.commit import Commit
from events.envelope import Cause
from store.commits.contract import EventStore
from store.commits.document import readable, stream_and_first
from store.commits.repository import Repository
from store.mongo.connection import Database, Document, reachable

_RECENT = 50  # commits


class AccessStreams(Repository[RecentAccesses]):
    """Record what staff read. However long a stream is, only its last accesses are folded."""

    def __init__(
        self,
        database: Database,
        events: EventStore,
        *,
        clock: Callable[[], datetime],
        announce: Callable[[Commit], None] = lambda _: None,
    ) -> None:
        super().__init__(events, fold=fold, announce=announce, clock=clock)
        self._commits = database["commits"]

    async def load(self, stream: str) -> RecentAccesses | None:
        """Fold the last commits of a stream; one that cannot be read is logged and left out."""
        with reachable():
            found = self._commits.find({"stream": stream}).sort("first", DESCENDING).limit(_RECENT)
            documents = await found.to_list(_RECENT)
        commits = [commit for document in reversed(documents) if (commit := readable(document))]
        recent = fold(event for commit in commits for event in commit.events) or RecentAccesses(0, ())
        return replace(recent, version=_version_of(documents[0])) if documents else None

    async def record(self, reader: str, access: LogRead, *, cause: Cause) -> None:
        """Append an access of a reader, unless it is another page of a walk that was recorded."""
        await self.decide(stream_of(reader), partial(record, access=access, now=self.clock()), cause=cause)


def _version_of(newest: Document) -> int:
    """Return the version that a stream has reached, even if its newest commit is damaged."""
    last = newest.get("last")
    return last if isinstance(last, int) else stream_and_first(newest)[1]
