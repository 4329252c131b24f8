from collections.abc import AsyncIterator
from typing import Final

from bson import decode_all
from pymongo import ASCENDING

from store.commits.stream_range import WHOLE, StreamRange
from store.mongo.connection import Document, MongoCollection, reachable

_AT_ONCE: Final = 500  # documents, about a megabyte


async def documents_by_stream(commits: MongoCollection, within: StreamRange) -> AsyncIterator[Document]:
    """Read the commits of a range of streams, stream by stream, each in its order.

    A batch is decoded at once: that takes a third of the time of the driver's documents one by one.
    """
    names = {"$gte": within.first} | ({} if within.behind is None else {"$lt": within.behind})
    query = {} if within == WHOLE else {"stream": names}
    found = commits.find_raw_batches(query, batch_size=_AT_ONCE)
    with reachable():
        async for batch in found.sort([("stream", ASCENDING), ("first", ASCENDING)]):
            for document in decode_all(batch, commits.codec_options):
                yield document
