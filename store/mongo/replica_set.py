import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure
from pymongo.uri_parser import parse_uri

NOT_YET_INITIALIZED = 94
"""The error code of a server that was started with --replSet and is in no set yet."""


def initiate_replica_set(url: str, deadline_s: float = 30.0, *, name: str = "rs0") -> None:
    """Make the server at `url` (`...?directConnection=true`) the primary of a replica set of one; repeatable.

    A set stores the address of its member: it is corrected when the server now listens elsewhere, else the
    server would never become primary again. Raises TimeoutError when the server takes no writes after
    `deadline_s` seconds.
    """
    host, port = parse_uri(url)["nodelist"][0]
    deadline = time.monotonic() + deadline_s
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000) as client:
        while not _is_primary(client, name, f"{host}:{port}"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server at {host}:{port} is not a writable primary after {deadline_s:.0f} s")
            time.sleep(0.02)


def _is_primary(client: MongoClient[dict[str, Any]], name: str, address: str) -> bool:
    try:
        if client.admin.command("hello").get("isWritablePrimary"):
            return True
        _configure(client, name, address)
    except (ConnectionFailure, OperationFailure):
        return False  # starting, or between two states: retried until the deadline
    return False


def _configure(client: MongoClient[dict[str, Any]], name: str, address: str) -> None:
    member = {"_id": 0, "host": address}
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", {"_id": name, "members": [member]})
        return
    if [kept["host"] for kept in config["members"]] != [address]:
        moved = {**config, "version": config["version"] + 1, "members": [member]}
        client.admin.command("replSetReconfig", moved, force=True)
