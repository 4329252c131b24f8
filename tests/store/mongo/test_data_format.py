"""A database in another data format is refused in one line before anything is read from it."""

import asyncio
import os
from pathlib import Path

import pytest

from store.adapters import open_prepared, prepare
from store.errors import DataFormatError
from store.mongo.connection import Database
from store.mongo.data_format import DATA_FORMAT, require_format
from tests.stores import settings_for
from tests.systems.commands import command


@pytest.fixture
def mongodb_url(unprepared_url: str) -> str:
    return unprepared_url


async def test_an_empty_database_gets_the_format_number_and_may_be_prepared_again(database: Database) -> None:
    await require_format(database)
    for _ in range(2):
        await prepare(database)
    assert await database["meta"].find_one() == {"_id": "format", "version": DATA_FORMAT}


async def test_processes_start_together_where_one_was_killed_before_it_wrote_the_number(
    database: Database,
) -> None:
    await database.create_collection("meta")
    await require_format(database)
    await asyncio.gather(*(prepare(database) for _ in range(4)))
    assert await database["meta"].find_one() == {"_id": "format", "version": DATA_FORMAT}


@pytest.mark.parametrize("collection", ["words", "commits"])
async def test_data_without_a_format_number_is_refused_and_left_alone(database: Database, collection: str) -> None:
    await database[collection].insert_one({"_id": "a:1"})
    with pytest.raises(DataFormatError, match="without a format number"):
        await prepare(database)
    assert await database.list_collection_names() == [collection]


async def test_another_format_number_is_refused(database: Database) -> None:
    await database["meta"].insert_one({"_id": "format", "version": DATA_FORMAT + 1})
    with pytest.raises(DataFormatError, match=f"data format {DATA_FORMAT + 1}.*needs data format {DATA_FORMAT}"):
        await prepare(database)


async def test_a_process_does_not_start_on_an_old_database(database: Database, mongodb_url: str) -> None:
    await database["words"].insert_one({"_id": "a/1"})
    with pytest.raises(DataFormatError):
        async with open_prepared(settings_for(mongodb_url)):
            pytest.fail("the process has started")


@pytest.mark.parametrize("arguments", [("rebuild", "--check"), ("accounts", "list"), ("quota", "check")], ids=str)
async def test_a_command_on_an_old_database_ends_with_one_line_and_exit_code_2(
    database: Database, mongodb_url: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    await database["commits"].insert_one({"_id": "a:1"})
    env = {
        **os.environ,
        "EXEMPLAR_MONGODB_URL": mongodb_url,
        "EXEMPLAR_KEY_PEPPERS": '{"1": "%s"}' % ("p" * 32),
    }
    done = await command(*arguments, env=env, cwd=tmp_path)
    assert done.code == 2
    [line] = done.error.splitlines()
    assert line.startswith("exemplar: database new_")
    assert "rm -r .exemplar" in line
