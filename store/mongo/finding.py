"""Reads of few documents, as a command: a cursor of the driver costs a third more."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from store.mongo.connection import Document, MongoCollection, is_transient

_BATCH: Final = 10_000  # documents; the server ends an answer at 16 MB too

Order = Sequence[tuple[str, int]]


async def find_few(
    rows: MongoCollection,
    query: Document,
    fields: Mapping[str, Any] | None = None,
    *,
    order: Order = (),
    index: str | None = None,
    skip: int = 0,
    most: int = 0,
) -> list[Document]:
    """Return all documents that match, as `rows.find` would; in one round trip where they fit into one answer.

    index: the name of the one to use; most: 0 for all. What the server has not answered, or only in part, is read by a
    cursor, which repeats a read that failed; not where no server was found in the time for that.
    """
    command: Document = {"find": rows.name, "filter": query, "batchSize": _BATCH}
    options = {"projection": fields, "sort": dict(order), "hint": index, "skip": skip, "limit": most}
    options["readConcern"] = rows.read_concern.document
    command |= {name: value for name, value in options.items() if value}
    try:
        answer = (await rows.database.command(command, codec_options=rows.codec_options))["cursor"]
    except PyMongoError as error:
        if not is_transient(error) or isinstance(error, ServerSelectionTimeoutError):
            raise
    else:
        if not answer["id"]:
            found: list[Document] = answer["firstBatch"]
            return found
        with suppress(PyMongoError):  # the server forgets it after a while
            await rows.database.command({"killCursors": rows.name, "cursors": [answer["id"]]})
    cursor = rows.find(query, fields, sort=[*order] or None, hint=index, skip=skip, limit=most)
    return await cursor.to_list(None)
