import time
from collections.abc import Callable
from itertools import chain
from typing import Final

import structlog

from store.mongo.connection import Document

RETRY_SECONDS: Final = 60.0

log = structlog.get_logger()


class UnsealableStreams:
    """The streams of which no commit is sealed, because one of theirs cannot be.

    They are kept in memory and tried again every minute: a damaged commit delays its own stream alone, and is
    sealed once it is repaired.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._streams: dict[str, set[str]] = {}  # with their commits that cannot be found by the stream
        self._until = 0.0

    def __contains__(self, stream: str) -> bool:
        return stream in self._streams

    def __len__(self) -> int:
        """Count the commits at fault."""
        return sum(map(len, self._streams.values()))

    def set_aside(self, stream: str, commit: str, reason: str) -> None:
        """Leave a stream out from now on, and raise the alarm."""
        self._streams[stream] = {commit}
        log.critical("commit_not_sealed", commit=commit, reason=reason)

    def add(self, stream: str, commit: str) -> None:
        """Leave out another commit of such a stream, whose field `stream` may be damaged too."""
        self._streams[stream].add(commit)

    def retry_when_due(self) -> None:
        """Leave out nothing any more, once a minute."""
        if self._monotonic() >= self._until:
            self._streams.clear()
            self._until = self._monotonic() + RETRY_SECONDS

    def others(self) -> Document:
        """Return the query for the commits of other streams."""
        if not self._streams:
            return {}
        return {"stream": {"$nin": [*self._streams]}, "_id": {"$nin": [*chain.from_iterable(self._streams.values())]}}
