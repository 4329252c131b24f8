"""Errors of MongoDB are named by their code, without data."""

import ssl
from typing import Any

import pytest
from pymongo import InsertOne, MongoClient
from pymongo.errors import BulkWriteError, OperationFailure, WriteError

from store.fault_name import fault_name

SECRET = "ada@example.com"


@pytest.fixture
def guarded(mongodb_url: str) -> Any:
    """A collection whose validator refuses what has no `a`."""
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        yield client.get_default_database().create_collection("guarded", validator={"a": {"$exists": True}})
        client.get_default_database().drop_collection("guarded")  # a lent database keeps its collections


def test_a_validator_is_named(guarded: Any) -> None:
    with pytest.raises(WriteError) as single:
        guarded.insert_one({"_id": SECRET})
    with pytest.raises(BulkWriteError) as bulk:
        guarded.bulk_write([InsertOne({"_id": SECRET})])
    assert fault_name(single.value) == "WriteError 121: Document failed validation"
    assert fault_name(bulk.value) == "BulkWriteError 121: Document failed validation"


def test_messages_with_data_are_left_out(guarded: Any) -> None:
    guarded.insert_one({"_id": SECRET, "a": 1})
    with pytest.raises(WriteError) as twice:
        guarded.insert_one({"_id": SECRET, "a": 1})
    assert SECRET in str(twice.value)
    assert fault_name(twice.value) == "DuplicateKeyError 11000"


def test_others_are_named_by_their_class() -> None:
    named = [fault_name(error) for error in (KeyError("k"), OperationFailure("no", 13), OperationFailure("no"))]
    assert named == ["KeyError", "OperationFailure 13", "OperationFailure"]


def test_a_refused_certificate_is_named_by_its_reason() -> None:
    context, server, client = ssl.create_default_context(), ssl.MemoryBIO(), ssl.MemoryBIO()
    server.write(SECRET.encode())
    with pytest.raises(ssl.SSLError) as raised:
        context.wrap_bio(server, client, server_hostname="localhost").do_handshake()
    assert fault_name(raised.value) == f"SSLError {raised.value.reason}"
    assert raised.value.reason == "WRONG_VERSION_NUMBER"
