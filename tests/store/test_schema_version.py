"""A database in another data format is refused in one line before anything is read from it."""

import pytest

from store.adapters import prepare
from store.errors import DataFormatError
from store.mongo.connection import Database
from store.mongo.schema_version import FORMAT, require_format


async def test_an_empty_database_gets_the_format_number_and_may_be_prepared_again(database: Database) -> None:
    await require_format(database)
    for _ in range(2):
        await prepare(database)
    assert await database["meta"].find_one() == {"_id": "format", "version": FORMAT}


@pytest.mark.parametrize("collection", ["words", "commits"])
async def test_data_without_a_format_number_is_refused_and_left_alone(
    database: Database, collection: str
) -> None:
    await database[collection].insert_one({"_id": "a:1"})
    with pytest.raises(DataFormatError, match="without a format number"):
        await prepare(database)
    assert await database.list_collection_names() == [collection]


async def test_another_format_number_is_refused(database: Database) -> None:
    await database["meta"].insert_one({"_id": "format", "version": FORMAT + 1})
    with pytest.raises(DataFormatError, match=f"data format {FORMAT + 1}.*needs data format {FORMAT}"):
        await prepare(database)
