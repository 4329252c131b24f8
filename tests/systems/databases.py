"""Databases with all collections and indexes, which tests use one after the other."""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ExecutionTimeout
from pymongo.uri_parser import parse_uri

from tests.stores import kept_connections, open_store
from tests.systems.servers import database_url

Document = dict[str, Any]
_HASH_OF_NOTHING = hashlib.md5(b"").hexdigest()  # noqa: S324 - as the command dbHash writes it


class Databases:
    """Lends databases of one server; making one costs many times what emptying it does."""

    def __init__(self, mongod_url: str, client: MongoClient[Document]) -> None:
        self._mongod_url, self._client = mongod_url, client
        self._free: list[str] = []
        self._indexes = 0
        self._empty: Snapshot | None = None

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
        if self._emptied(name):
            self._free.append(name)
        else:
            self._client.drop_database(name)

    def restorer(self, url: str) -> Callable[[], None]:
        """Return a function that lets a database hold again what it holds now."""
        database = self._database(parse_uri(url)["database"] or "")
        return partial(Snapshot(database).restore, database)

    def snapshot(self, url: str) -> "Snapshot":
        return Snapshot(self._database(parse_uri(url)["database"] or ""))

    def restore(self, url: str, snapshot: "Snapshot") -> None:
        """Let a database hold what another held."""
        snapshot.restore(self._database(parse_uri(url)["database"] or ""))

    def _make(self) -> str:
        name = f"lent_{uuid.uuid4().hex[:16]}"
        asyncio.run(_prepare(database_url(self._mongod_url, name)))
        self._indexes, self._empty = _indexes(self._client[name]), Snapshot(self._database(name))
        return name

    def _emptied(self, name: str) -> bool:
        """Delete all documents; return False for a database that has other indexes, or an open transaction."""
        if self._empty is None or _indexes(self._client[name]) != self._indexes:
            return False
        try:
            self._empty.restore(self._database(name))
        except ExecutionTimeout:
            return False
        return True

    def _database(self, name: str) -> Database[Any]:
        return self._client.get_database(name, CodecOptions(document_class=RawBSONDocument))


class Snapshot:
    """The documents of a database.

    Only collections that have changed are written again: that costs a fortieth of writing all anew through the product.
    """

    def __init__(self, database: Database[Any]) -> None:
        self._hashes = _hashes(database)
        self._documents = {name: list(database[name].find()) for name in self._hashes}

    def restore(self, database: Database[Any]) -> None:
        """Let a database hold these documents."""
        for name, found in _hashes(database).items():
            if found != self._hashes.get(name, _HASH_OF_NOTHING):
                database[name].delete_many({})
                if documents := self._documents.get(name):
                    database[name].insert_many(documents)


class Once:
    """What a fixture writes for the first test of a module, and copies for all others.

    ::

        if not once.copied(mongodb_url):
            once.keep(mongodb_url, await write())
        return once.value
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._snapshot: Snapshot | None = None
        self.value: Any = None

    def copied(self, url: str) -> bool:
        """Let a database hold what was kept; False when nothing was."""
        if self._snapshot is None:
            return False
        self._databases.restore(url, self._snapshot)
        return True

    def keep(self, url: str, value: Any = None) -> None:
        self._snapshot, self.value = self._databases.snapshot(url), value


def _hashes(database: Database[Any]) -> dict[str, str]:
    """Hash the documents of each collection; raises ExecutionTimeout while a transaction that was killed is open."""
    return dict(database.command("dbHash", maxTimeMS=2000, codec_options=CodecOptions())["collections"])


def _indexes(database: Database[Document]) -> int:
    """Count the indexes, without those of `_id`: a collection may come with its first document."""
    stats = database.command("dbStats")
    return int(stats["indexes"] - stats["collections"])


@contextmanager
def opened_databases(mongod_url: str) -> Iterator[Databases]:
    with MongoClient[Document](mongod_url) as client, kept_connections(mongod_url):
        yield Databases(mongod_url, client)


async def _prepare(url: str) -> None:
    async with open_store(url, prepared=True):
        pass
