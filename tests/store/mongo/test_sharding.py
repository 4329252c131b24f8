"""Shards: what the page recommends fits the indexes, and no write relies on one sequence of writes."""

import re

import pytest
from pymongo import IndexModel
from pymongo.hello import Hello
from pymongo.server_description import ServerDescription
from pymongo.topology_description import TopologyDescription

from store.adapters import ADAPTERS
from store.mongo.connection import Database, Document
from store.mongo.provisional import ProvisionalWrites
from tests.docs.reading import ROOT

PAGE = (ROOT / "docs/scaling.md").read_text()
KEYS = dict(re.findall(r'^sh\.shardCollection\("exemplar\.(\w+)", \{(\w+): "hashed"\}\)$', PAGE, re.MULTILINE))


def unique_indexes(collection: str) -> list[list[str]]:
    models: list[IndexModel] = [
        model for adapter in ADAPTERS.values() for model in getattr(adapter, "indexes", {}).get(collection, ())
    ]
    return [[*model.document["key"]] for model in models if model.document.get("unique")]


def test_the_key_of_a_collection_begins_each_of_its_unique_indexes() -> None:
    assert KEYS["commits"] == "stream"
    for collection, key in KEYS.items():
        assert all(index[0] == key for index in unique_indexes(collection)), collection


def test_what_has_two_unique_keys_is_not_sharded() -> None:
    known = {name for adapter in ADAPTERS.values() for name in getattr(adapter, "indexes", {})}
    assert KEYS.keys() <= known
    assert not KEYS.keys() & {"log", "developers", "users", "keys", "access_keys", "webhook_endpoints"}


DIRECT = ServerDescription(("router", 27017), Hello({"ok": 1, "isWritablePrimary": True, "msg": "isdbgrid"}))


@pytest.mark.parametrize(
    "topology",
    [
        {"topology_type_name": "Sharded"},
        {"topology_type_name": "LoadBalanced"},
        {"topology_type_name": "Single", "server_descriptions": lambda _: {DIRECT.address: DIRECT}},
    ],
    ids=["sharded", "load balanced", "direct connection"],
)
async def test_behind_a_router_all_writes_wait_for_a_majority_whatever_its_answers_hold(
    database: Database, monkeypatch: pytest.MonkeyPatch, topology: dict[str, object]
) -> None:
    concerns: list[Document] = []
    command = database.command

    async def noted(given: Document) -> Document:
        concerns.append(given["writeConcern"])
        answer: Document = await command(given)
        assert "opTime" in answer
        return answer

    await command("ping")
    monkeypatch.setattr(database, "command", noted)
    for name, value in topology.items():
        monkeypatch.setattr(TopologyDescription, name, value)
    writes = ProvisionalWrites(database)
    await writes.write("s1", {"insert": "blobs", "documents": [{"_id": "g1/d1"}]}, size=1)
    await writes.write("s1", {"insert": "blobs", "documents": [{"_id": "g1/d2"}]}, size=1)
    assert [concern["w"] for concern in concerns][-2:] == ["majority", "majority"]
    assert not writes.pending("s1")
