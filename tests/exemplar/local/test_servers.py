"""The real servers on private ports."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from pymongo import MongoClient

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports, is_free
from store.mongo.connection import open_database
from store.mongo.oplog import Oplog
from store.mongo.replica_set import initiate_replica_set
from store.settings import StoreSettings


@pytest.fixture(scope="module")
def own_mongod(mongod_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A server that writes a checkpoint every second instead of every minute."""
    home, usual = tmp_path_factory.mktemp("mongod"), Mongod._arguments
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mongod, "_arguments", lambda server: (*usual(server), "--syncdelay", "1"))
        server = Mongod(home, Ports(home / "ports.json").of("mongod"), os.environ)
        server.launch()
    try:
        server.wait_ready(initiate_replica_set)
        yield server
    finally:
        server.child.stop()


def test_mongod_keeps_its_data_after_a_kill_and_on_a_new_port(mongod_installed: None, tmp_path: Path) -> None:
    first = Mongod(tmp_path, Ports(tmp_path / "first.json").of("mongod"), os.environ)
    first.launch()
    first.wait_ready(initiate_replica_set)
    with MongoClient[dict[str, object]](first.url("kept")) as client:
        client["kept"]["things"].insert_one({"_id": 1})
    first.child.kill()
    first.child.stop()
    second = Mongod(tmp_path, Ports(tmp_path / "second.json").of("mongod"), os.environ)
    assert second.port != first.port
    second.launch()
    try:
        second.wait_ready(initiate_replica_set)
        with MongoClient[dict[str, object]](second.url("kept")) as client:
            assert client["kept"]["things"].find_one() == {"_id": 1}
    finally:
        second.child.stop()
    assert is_free(second.port)


async def test_erased_data_are_overwritten_in_the_oplog(own_mongod: Mongod) -> None:
    """As `exemplar erase oplog --overwrite` does."""
    with MongoClient[dict[str, Any]](own_mongod.url("erased")) as client:
        written = client["local"]["oplog.rs"]
        people = client["erased"]["people"]
        people.insert_one({"_id": 1, "name": "Ada"})
        people.delete_one({"_id": 1})
        assert written.find_one({"o.name": "Ada"}) is not None
        assert written.options()["size"] == 64 * 1024 * 1024

        shown: list[tuple[int, int]] = []
        settings = StoreSettings.model_validate({"mongodb_url": own_mongod.url("erased")})
        async with open_database(settings) as database:
            before = await Oplog(database).span()
            after = await Oplog(database).overwrite(lambda done, needed: shown.append((done, needed)))
        assert written.find_one({"o.name": "Ada"}) is None
        assert after.first >= before.last
        assert shown[-1][0] == shown[-1][1] == 96 * 1024 * 1024


def test_the_filter_of_a_slow_operation_is_not_logged(own_mongod: Mongod) -> None:
    """The server names slow operations with their whole filters."""
    with MongoClient[dict[str, object]](own_mongod.url("slow")) as client:
        people = client["slow"]["people"]
        people.insert_one({"_id": 1, "email": "ada@example.com"})
        slow: dict[str, object] = {"email": "ada@example.com", "$where": "sleep(300) || true"}
        assert people.find_one(slow) is not None
        in_script = {"body": "function() { sleep(300); return true }", "args": [], "lang": "js"}
        match = {"email": "ada@example.com", "$expr": {"$function": in_script}}
        assert list(people.aggregate([{"$match": match}]))
        assert people.update_one(slow, {"$set": {"email": "ada@example.org"}}).modified_count == 1
        assert client["admin"].command("profile", -1)["slowms"] < 300
    log = own_mongod.child.program.log.read_text()
    assert "ada@example" not in log
    assert "Slow query" not in log
    assert "Waiting for connections" in log, "the log is that of this server"


def test_change_streams_work_on_the_shared_server(mongodb_url: str) -> None:
    with MongoClient[dict[str, object]](mongodb_url) as client:
        things = client.get_default_database()["things"]
        with things.watch() as stream:
            things.insert_one({"_id": 1})
            assert stream.next()["operationType"] == "insert"


def test_the_shared_rabbitmq_has_a_virtual_host_for_each_test(amqp_url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", "q", b"body", mandatory=True)
        assert channel.basic_get("q", auto_ack=True)[2] == b"body"


@pytest.mark.parametrize("name", ["amqp", "mongod"])
def test_a_port_is_the_same_at_the_next_start_while_it_is_free(tmp_path: Path, name: str) -> None:
    file = tmp_path / "ports.json"
    assert Ports(file).of(name) == Ports(file).of(name)


def test_mongod_takes_no_message_compressed_with_zlib(own_mongod: Mongod) -> None:
    """The bundled server reads beyond its memory when it decompresses these (CVE-2025-14847)."""
    with MongoClient[dict[str, object]](own_mongod.url("any")) as client:
        hello = client["admin"].command("hello", compression=["zlib", "zstd", "snappy"])
        assert set(hello["compression"]) == {"snappy", "zstd"}
