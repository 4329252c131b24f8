"""Write commands that may be sent twice, without the driver's retries.

For those the server would keep a record of each statement, as long as the write itself for a small document.
"""

from collections.abc import Mapping
from typing import Any, Final

from pymongo.errors import PyMongoError

from store.errors import StoreUnavailableError, WriteRefusedError
from store.mongo.connection import DUPLICATE_KEY, TRANSIENT, Database, Document, is_transient

PRIMARY_ALONE: Final[Document] = {"w": 1, "j": False}


async def run_write(database: Database, command: Mapping[str, Any], concern: Mapping[str, Any]) -> Document:
    """Run a repeatable write command, again when its outcome is unknown; return the answer, with what was duplicate.

    Raises WriteRefusedError for a statement that fails whenever it is sent, StoreUnavailableError for one that was
    interrupted and for an unmet concern, and the driver's errors.
    """
    try:
        answer: Document = await database.command({**command, "writeConcern": concern})
    except PyMongoError as error:
        if not is_transient(error):
            raise
        answer = await database.command({**command, "writeConcern": concern})
    codes = {fault["code"] for fault in answer.get("writeErrors", ())} - {DUPLICATE_KEY}
    if codes & TRANSIENT or "writeConcernError" in answer:
        raise StoreUnavailableError(f"write failed with codes {codes}")
    if codes:
        raise WriteRefusedError(f"write failed with codes {codes}")
    return answer
