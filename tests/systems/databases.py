"""Databases with all collections and indexes, which tests use one after the other."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from tests.stores import open_store
from tests.systems.servers import database_url

Document = dict[str, Any]


class Databases:
    """Lends databases of one server; making one costs many times what emptying it does."""

    def __init__(self, mongod_url: str, client: MongoClient[Document]) -> None:
        self._mongod_url, self._client = mongod_url, client
        self._free: list[str] = []
        self._indexes = 0

    @contextmanager
    def unprepared(self) -> Iterator[str]:
        """Yield the URL of a new database, which is dropped afterwards."""
        name = f"new_{uuid.uuid4().hex[:16]}"
        yield database_url(self._mongod_url, name)
        self._client.drop_database(name)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Yield the URL of an empty database with all indexes, which is emptied afterwards."""
        name = self._free.pop() if self._free else self._make()
        yield database_url(self._mongod_url, name)
        if self._emptied(self._client[name]):
            self._free.append(name)
        else:
            self._client.drop_database(name)

    def _make(self) -> str:
        name = f"lent_{uuid.uuid4().hex[:16]}"
        asyncio.run(_prepare(database_url(self._mongod_url, name)))
        self._indexes = _indexes(self._client[name])
        return name

    def _emptied(self, database: Database[Document]) -> bool:
        """Delete all documents; return False for a database that has other indexes than a new one."""
        if _indexes(database) != self._indexes:
            return False
        for name in database.list_collection_names():
            database[name].delete_many({"_id": {"$ne": "format"}} if name == "meta" else {})
        return True


def _indexes(database: Database[Document]) -> int:
    """Count the indexes, without those of `_id`: a collection may come with its first document."""
    stats = database.command("dbStats")
    return int(stats["indexes"] - stats["collections"])


@contextmanager
def opened_databases(mongod_url: str) -> Iterator[Databases]:
    with MongoClient[Document](mongod_url) as client:
        yield Databases(mongod_url, client)


async def _prepare(url: str) -> None:
    async with open_store(url, prepared=True):
        pass
