"""Write commands that are given at the same time are one command, and each gets its own answer."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from store.errors import WriteRefusedError
from store.mongo.connection import Database, Document
from store.mongo.provisional import ProvisionalWrites
from store.mongo.write_batches import WriteBatches


def _insert(*ids: str) -> Document:
    return {"insert": "letters", "documents": [{"_id": one} for one in ids]}


def _update(name: str, change: Document) -> Document:
    return {"update": "letters", "updates": [{"q": {"_id": name}, "u": change}]}


class Commands:
    """Run commands and keep them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ran = list[Mapping[str, Any]]()

    async def __call__(self, command: Mapping[str, Any]) -> Document:
        self.ran.append(command)
        answer: Document = await self.database.command({**command})
        return answer


@pytest.fixture
def commands(database: Database) -> Commands:
    return Commands(database)


async def test_the_commands_of_a_collection_are_one(commands: Commands) -> None:
    batches = WriteBatches(commands)
    await asyncio.gather(
        *(batches.run(_insert(one, f"{one}2")) for one in "abc"), batches.run({**_insert("d"), "insert": "others"})
    )
    assert [command["insert"] for command in commands.ran] == ["letters", "others"]
    found = await commands.database["letters"].distinct("_id")
    assert sorted(found) == ["a", "a2", "b", "b2", "c", "c2"]


async def test_each_gets_its_own_failed_statements(commands: Commands) -> None:
    await commands.database["letters"].insert_many([{"_id": "a"}, {"_id": "c2"}])
    batches = WriteBatches(commands)
    answers = await asyncio.gather(*(batches.run(_insert(one, f"{one}2")) for one in "abc"))
    assert [[one["index"] for one in answer.get("writeErrors", ())] for answer in answers] == [[0], [], [1]]
    assert len(commands.ran) == 1
    assert await commands.database["letters"].count_documents({}) == 6


async def test_what_cannot_be_sent_fails_alone(commands: Commands) -> None:
    batches = WriteBatches(commands)
    bad = {"insert": "letters", "documents": [{"_id": "b", "value": object()}]}
    answers = await asyncio.gather(*map(batches.run, (_insert("a"), bad, _insert("c"))), return_exceptions=True)
    assert [type(answer) for answer in answers] == [dict, InvalidDocument, dict]
    assert sorted(await commands.database["letters"].distinct("_id")) == ["a", "c"]


async def test_a_damaged_document_fails_its_own_write_alone(database: Database) -> None:
    await database["letters"].insert_many([{"_id": "a", "texts": {}}, {"_id": "b", "texts": "damaged"}])
    writes = ProvisionalWrites(database)
    changes = (_update(name, {"$set": {"texts.x": "y"}}) for name in "ab")
    answers = await asyncio.gather(*(writes.write("s", one, size=1) for one in changes), return_exceptions=True)
    assert [type(answer) for answer in answers] == [dict, WriteRefusedError]
    letters = database.get_collection("letters", read_concern=ReadConcern("local"))
    assert (await letters.find_one({"_id": "a"}) or {})["texts"] == {"x": "y"}


async def test_an_unreachable_server_is_an_error_of_all(database: Database) -> None:
    tries = 0

    async def unreachable(_: Mapping[str, Any]) -> Document:
        nonlocal tries
        tries += 1
        raise ConnectionFailure("gone")

    batches = WriteBatches(unreachable)
    answers = await asyncio.gather(*(batches.run(_insert(one)) for one in "abc"), return_exceptions=True)
    assert all(isinstance(answer, PyMongoError) for answer in answers)
    assert tries == 1


async def test_each_is_told_that_it_changed_a_document_where_all_did(commands: Commands) -> None:
    await commands.database["letters"].insert_many([{"_id": one} for one in "ab"])
    batches = WriteBatches(commands)

    async def changed(value: int) -> list[int | None]:
        changes = (_update(one, {"$set": {"value": value if one == "a" else 1}}) for one in "ab")
        return [answer.get("nModified") for answer in await asyncio.gather(*map(batches.run, changes))]

    assert await changed(1) == [1, 1]
    assert await changed(2) == [None, None], "one of the two changed nothing, and nobody knows which"
