"""Reads of few documents, as a command: a cursor of the driver costs a third more."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo.errors import PyMongoError

from store.mongo.connection import Document, MongoCollection, is_transient

_BATCH: Final = 10_000  # documents; the server ends an answer at 16 MB too

Order = Sequence[tuple[str, int]]


async def find_few(
    rows: MongoCollection, query: Document, fields: Mapping[str, Any] | None = None, *, order: Order = ()
) -> list[Document]:
    """Return all documents that match, as `rows.find` would; in one round trip where they fit into one answer.

    What the server has not answered, or only in part, is read by a cursor, which repeats a read that failed.
    """
    command: Document = {"find": rows.name, "filter": query, "batchSize": _BATCH}
    command |= {"projection": fields} if fields else {}
    command |= {"sort": dict(order)} if order else {}
    command |= {"readConcern": rows.read_concern.document} if rows.read_concern.document else {}
    try:
        answer = (await rows.database.command(command, codec_options=rows.codec_options))["cursor"]
    except PyMongoError as error:
        if not is_transient(error):
            raise
    else:
        if not answer["id"]:
            found: list[Document] = answer["firstBatch"]
            return found
        await rows.database.command({"killCursors": rows.name, "cursors": [answer["id"]]})
    cursor = rows.find(query, fields)
    return await (cursor.sort([*order]) if order else cursor).to_list(None)
