"""Shard a database of the product as docs/scaling.md says, on real servers: `python -m tests.sharding`.

A config server and two shards, without the router `mongos`, which no package registry has: its requests are sent to the
config server and to the shards as it would send them. So the keys, the indexes and the division are tried; reads and
writes through a router are not.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bson import SON
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from exemplar.local.mongod import find_mongod
from exemplar.local.pids import PidFiles
from exemplar.local.ports import Ports
from exemplar.local.processes import Child, Program
from tests.store.mongo.test_sharding import KEYS
from tests.stores import open_store
from tests.systems.shared_servers import make_server_home

Client = MongoClient[dict[str, Any]]
MAJORITY = {"w": "majority"}
NEVER = {"log": "_id", "users": "_id"}
"""With a unique index that does not begin with the key."""


class Server:
    """A mongod in a role of a cluster, alone in its replica set."""

    def __init__(self, home: Path, name: str, role: str) -> None:
        self.name, self._role, self.port = name, role, Ports(home / "ports.json").of(name)
        folder = home / name
        folder.mkdir()
        command = (str(find_mongod()), role, "--replSet", name, "--port", str(self.port), "--dbpath", str(folder))
        small = ("--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25")
        self.child = Child(
            Program(name, (*command, *small), dict(os.environ), log=home / f"{name}.log"), PidFiles(home)
        )

    def start(self) -> Client:
        self.child.start()
        client: Client = MongoClient(f"mongodb://127.0.0.1:{self.port}/?directConnection=true")
        member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
        config = {"configsvr": True} if self._role == "--configsvr" else {}
        client.admin.command("replSetInitiate", {"_id": self.name, "members": [member], **config})
        while not client.admin.command("hello")["isWritablePrimary"]:
            pass
        return client


def try_keys(servers: Sequence[Server]) -> Mapping[str, str]:
    """Shard every collection of the page; return what became of each."""
    config, first, _ = [server.start() for server in servers]
    for server in servers[1:]:
        address = f"{server.name}/127.0.0.1:{server.port}"
        config.admin.command(SON([("_configsvrAddShard", address), ("writeConcern", MAJORITY)]))
    made = SON(
        [("_configsvrCreateDatabase", "exemplar"), ("primaryShardId", servers[1].name), ("writeConcern", MAJORITY)]
    )
    version = config.admin.command(made)["databaseVersion"]
    asyncio.run(prepare(f"mongodb://127.0.0.1:{servers[1].port}/exemplar?directConnection=true"))
    found = {}
    for name, key in [*KEYS.items(), *NEVER.items()]:
        try:
            shard(first, name, key, version)
            made_of = config.config.collections.find_one({"_id": f"exemplar.{name}"}) or {}
            chunks = config.config.chunks.distinct("shard", {"uuid": made_of.get("uuid")})
            found[name] = f"sharded by {key}, on {', '.join(sorted(chunks))}"
        except OperationFailure as error:
            found[name] = f"refused: {error.details['errmsg'] if error.details else error}"
    return found


def shard(client: Client, name: str, key: str, version: object) -> None:
    client.exemplar.command(
        SON(
            [
                ("_shardsvrCreateCollection", name),
                ("shardKey", {key: "hashed"}),
                ("unique", False),
                ("databaseVersion", version),
                ("writeConcern", MAJORITY),
            ]
        )
    )


async def prepare(url: str) -> None:
    async with open_store(url, prepared=True) as store:
        for name, key in KEYS.items():  # the command of a shell makes this index by itself
            await store.database[name].create_index([(key, "hashed")])


def main() -> None:
    home = make_server_home()
    servers = [Server(home, "cfg", "--configsvr"), Server(home, "a", "--shardsvr"), Server(home, "b", "--shardsvr")]
    try:
        found = try_keys(servers)
    finally:
        for server in servers:
            server.child.kill()
            server.child.stop()
        shutil.rmtree(home)
    for name, became in found.items():
        sys.stdout.write(f"{name:<20} {became}\n")
    wrong = [name for name in KEYS if became_of(found, name) == "refused"]
    wrong += [name for name in NEVER if became_of(found, name) != "refused"]
    sys.exit(f"not as the page says: {', '.join(wrong)}" if wrong else 0)


def became_of(found: Mapping[str, str], name: str) -> str:
    return found[name].partition(":")[0]


if __name__ == "__main__":
    main()
