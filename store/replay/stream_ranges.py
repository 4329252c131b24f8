from collections.abc import AsyncIterator
from typing import Final

from pymongo import ASCENDING

from store.commits.stream_range import StreamRange
from store.mongo.connection import Database, Document, raises_unavailable

RANGE_COMMITS: Final = 4000
_BY_STREAM: Final = [("stream", ASCENDING), ("first", ASCENDING)]


@raises_unavailable
class StreamRanges:
    """Divide the log into ranges of streams that can be read independently of each other."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")

    async def count(self) -> int:
        """Count the commits, about."""
        return await self._commits.estimated_document_count()

    async def all(self, commits: int = RANGE_COMMITS) -> AsyncIterator[StreamRange]:
        """List adjoining ranges that cover every stream, each with about so many commits; a longer stream is one."""
        first = ""
        while (behind := await self._end(first, commits)) is not None:
            yield StreamRange(first, behind)
            first = behind
        yield StreamRange(first)

    async def _end(self, first: str, commits: int) -> str | None:
        """Find the stream behind a range; None for the last one."""
        behind = await self._stream({"$gte": first}, commits)
        return await self._stream({"$gt": first}, 0) if behind == first else behind

    async def _stream(self, names: Document, skipped: int) -> str | None:
        query = self._commits.find({"stream": names}, {"stream": 1, "_id": 0}).sort(_BY_STREAM)
        found = await query.skip(skipped).limit(1).to_list(1)
        return str(found[0]["stream"]) if found else None
