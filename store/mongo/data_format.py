"""The number of the data format: a database that another version of the product wrote is refused."""

from typing import Final

from store.errors import DataFormatError
from store.mongo.connection import Database, reachable

DATA_FORMAT: Final = 5
"""Raised by one with every change of stored documents that older data does not fit."""

FORMAT_KEY = "format"


async def require_format(database: Database) -> None:
    """Raise DataFormatError unless the database is empty or records this very format.

    The collections are listed first: a process records the format before it creates them.
    """
    with reachable():
        has_data = await _has_data(database)
        record = await database["meta"].find_one({"_id": FORMAT_KEY})
    if record is None and has_data:
        raise DataFormatError(database.name, "data without a format number", DATA_FORMAT)
    if record is not None and record["version"] != DATA_FORMAT:
        raise DataFormatError(database.name, f"data format {record['version']}", DATA_FORMAT)


async def record_format(database: Database) -> None:
    """Write the format number into an empty database; repeatable. Raises DataFormatError as above."""
    with reachable():
        if not await _has_data(database):
            number = {"$setOnInsert": {"version": DATA_FORMAT}}
            await database["meta"].update_one({"_id": FORMAT_KEY}, number, upsert=True)
    await require_format(database)


async def _has_data(database: Database) -> bool:
    """Tell whether there is more than the format's collection, which exists a moment before its document."""
    return bool({*await database.list_collection_names()} - {"meta"})
