from collections.abc import AsyncIterator
from typing import Final

from bson import decode_all
from pymongo import ASCENDING

from events.commit import Commit
from store.commits.document import stored_commit, unreadable_commit
from store.commits.stream_range import WHOLE, StreamRange
from store.commits.unreadable import UNREADABLE, OnUnreadable
from store.mongo.connection import Document, MongoCollection, reachable

_AT_ONCE: Final = 500  # documents, about a megabyte


async def commits_by_stream(
    commits: MongoCollection, within: StreamRange, on_unreadable: OnUnreadable | None
) -> AsyncIterator[Commit]:
    """Read the commits of a range of streams, stream by stream, each in its order.

    One that cannot be read is given to `on_unreadable` and left out; without it, it raises.
    """
    async for document in _documents(commits, within):
        try:
            commit = stored_commit(document, once=True)
        except UNREADABLE as error:
            if on_unreadable is None:
                raise
            on_unreadable(unreadable_commit(document, error))
        else:
            yield commit


async def _documents(commits: MongoCollection, within: StreamRange) -> AsyncIterator[Document]:
    """Read documents; a batch is decoded at once, which takes a third of the time of one after the other."""
    names = {"$gte": within.first} | ({} if within.behind is None else {"$lt": within.behind})
    query: Document = {} if within == WHOLE else {"stream": names}
    found = commits.find_raw_batches(query, batch_size=_AT_ONCE)
    with reachable():
        async for batch in found.sort([("stream", ASCENDING), ("first", ASCENDING)]):
            for document in decode_all(batch, commits.codec_options):
                yield document
