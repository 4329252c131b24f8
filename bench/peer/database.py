"""The peer's collections: `users`, `usage`, `generations`, `images`, written with journalled majority."""

from functools import cache
from typing import Any

from pymongo import AsyncMongoClient, MongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database

from bench.peer.settings import settings

DURABLE = WriteConcern(w="majority", j=True)


@cache
def database() -> Database[dict[str, Any]]:
    """Open the database for a Celery process, after its fork."""
    client = MongoClient[dict[str, Any]](settings().mongodb_url)
    return client.get_default_database().with_options(write_concern=DURABLE)


@cache
def async_database() -> AsyncDatabase[dict[str, Any]]:
    """Open the database for the web process, on its running loop."""
    client = AsyncMongoClient[dict[str, Any]](settings().mongodb_url)
    return client.get_default_database().with_options(write_concern=DURABLE)
