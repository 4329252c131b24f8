from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from store.commits.stream_range import WHOLE, StreamRange
from store.commits.unreadable import OnUnreadable

Write = Callable[[Commit, Any], Awaitable[None]]
"""Writes documents in the transaction of a commit: gets the commit and the adapter's session.

It may run several times, lets the driver's errors through, and must have no other effect.
"""


class EventStore(Protocol):
    """Append-only streams of commits."""

    async def append(
        self,
        stream: str,
        expected_version: int,
        events: Sequence[Event],
        *,
        cause: Cause,
        time: datetime,
        write: Write | None = None,
    ) -> Commit:
        """Append one decision's events as one commit behind `expected_version` (0: the stream is new).

        What `write` writes is committed with it or not at all; an exception from it aborts the append.

        Raises WrongExpectedVersionError, StoreUnavailableError, OutcomeUnknownError, WriteRefusedError for what
        the store will not take either when it is sent again; ValueError for no events.
        """

    async def read(self, stream: str, *, after: int = 0) -> list[Commit]:
        """Read the commits of a stream whose events lie behind version `after`, in order; [] for none."""

    async def following(self, heads: Mapping[str, int]) -> list[Commit]:
        """Read the next commit of many streams, each behind the given version of its stream.

        The version is the last of a commit (0: before the first). A stream without a next commit is left out.
        """

    async def since(self, heads: Mapping[str, int]) -> Mapping[str, list[Commit] | Exception]:
        """Read all commits of many streams, each behind the given version of its stream, in order.

        The version is the last of a commit (0: before the first). An error is that of its stream alone.
        """

    async def types(self, streams: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Map streams to the types of their events; one without commits is left out."""

    def commits(
        self, on_unreadable: OnUnreadable | None = None, *, within: StreamRange = WHOLE
    ) -> AsyncIterator[Commit]:
        """Read every commit of a range of streams, stream by stream, each in its own order.

        One that cannot be read is given to `on_unreadable` and left out; without it, it raises.
        """
