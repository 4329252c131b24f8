"""Look for needles wherever a system keeps anything: MongoDB as a dump reads it, RabbitMQ's queues, files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from tests.systems.needles import Needles
from tests.systems.servers import RabbitServer

Found = dict[str, set[str]]


def in_mongodb(url: str, needles: Needles) -> Found:
    """Name what each collection of each database holds, the oplog too; of a compressed value its content."""
    found: Found = {}
    with MongoClient[RawBSONDocument](url, document_class=RawBSONDocument) as client:
        for name in client.list_database_names():
            for collection in client[name].list_collection_names():
                for document in client[name][collection].find({}):
                    _add(found, f"{name}.{collection}", needles.found(bytes(document.raw)))
                    for data in _binaries(bson.decode(document.raw)):  # as they are, they are parts of the document
                        _add(found, f"{name}.{collection}", needles.compressed(data))
    return found


def in_rabbitmq(server: RabbitServer, needles: Needles) -> Found:
    """Name what each queue of each virtual host holds; the messages stay there."""
    found: Found = {}
    for queue in server.queues():
        for message in server.messages(queue["vhost"], queue["name"]):
            _add(found, queue["name"], needles.found(json.dumps(message).encode()))
            _add(found, queue["name"], needles.found(message["payload"].encode()))
    return found


def in_files(folder: Path, needles: Needles, *, without: Path) -> Found:
    """Name what each file in a folder holds, one folder in it left out."""
    found: Found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.is_relative_to(without):
            _add(found, str(path.relative_to(folder)), needles.found(_content(path)))
    return found


def _content(path: Path) -> bytes:
    """Read a file; one that was removed meanwhile holds nothing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _binaries(value: Any) -> Iterator[bytes]:
    match value:
        case bytes():
            yield value
        case dict():
            for one in value.values():
                yield from _binaries(one)
        case list():
            for one in value:
                yield from _binaries(one)


def _add(found: Found, source: str, names: set[str]) -> None:
    if names:
        found.setdefault(source, set()).update(names)
