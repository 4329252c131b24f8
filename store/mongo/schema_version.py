"""The number of the data format: a database that another version of the product wrote is refused."""

from typing import Final

from store.errors import DataFormatError
from store.mongo.connection import Database, reachable

FORMAT: Final = 2
"""Raised by one with every change of stored documents that older data does not fit."""

_KEY = "format"


async def require_format(database: Database) -> None:
    """Raise DataFormatError unless the database is empty or records this very format.

    The collections are listed first: whoever creates them has recorded the format before.
    """
    with reachable():
        has_data = bool(await database.list_collection_names())
        record = await database["meta"].find_one({"_id": _KEY})
    if has_data and (record is None or record["version"] != FORMAT):
        found = "data without a format number" if record is None else f"data format {record['version']}"
        raise DataFormatError(database.name, found, FORMAT)


async def record_format(database: Database) -> None:
    """Write the format number into an empty database; repeatable. Raises DataFormatError as above."""
    await require_format(database)
    with reachable():
        await database["meta"].update_one({"_id": _KEY}, {"$setOnInsert": {"version": FORMAT}}, upsert=True)
