"""Reads without a cursor of the driver find what a cursor finds."""

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from store.mongo import finding
from store.mongo.connection import Database, MongoCollection, connect
from store.mongo.finding import find_few
from tests.store.lossy_proxy import LossyProxy
from tests.stores import settings_for

DOCUMENTS = [{"_id": number, "odd": bool(number % 2)} for number in range(5)]
ODD = [{"_id": 3}, {"_id": 1}]


@pytest.fixture
async def rows(database: Database) -> MongoCollection:
    await database["rows"].insert_many(DOCUMENTS)
    return database["rows"]


async def test_fields_and_order_are_those_of_a_query(rows: MongoCollection) -> None:
    assert await find_few(rows, {"odd": True}, {"_id": 1}, order=[("_id", -1)]) == ODD
    assert await find_few(rows, {"odd": "neither"}) == []


@pytest.mark.parametrize("batch", [1, 10])
async def test_a_page_is_cut_from_the_whole(rows: MongoCollection, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(finding, "_BATCH", batch)
    assert await find_few(rows, {}, order=[("_id", 1)], index="_id_", skip=1, most=3) == DOCUMENTS[1:4]


async def test_what_does_not_fit_into_one_answer_is_read_whole(
    rows: MongoCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_BATCH", 2)
    assert await find_few(rows, {}, order=[("_id", 1)]) == DOCUMENTS
    assert await find_few(rows, {"odd": True}, {"_id": 1}, order=[("_id", -1)]) == ODD


async def test_a_read_is_repeated_when_its_answer_is_lost(proxy: LossyProxy, proxied_database: Database) -> None:
    rows = proxied_database["rows"]
    await rows.insert_many(DOCUMENTS)
    proxy.command, proxy.lose_answers = b"\x02find\x00", 1
    assert await find_few(rows, {}, order=[("_id", 1)]) == DOCUMENTS
    assert proxy.lose_answers == 0


async def test_what_is_left_of_a_cursor_need_not_be_closed(
    proxy: LossyProxy, proxied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = proxied_database["rows"]
    await rows.insert_many(DOCUMENTS)
    monkeypatch.setattr(finding, "_BATCH", 2)
    proxy.command, proxy.lose_answers = b"\x02killCursors\x00", 1
    assert await find_few(rows, {}, order=[("_id", 1)]) == DOCUMENTS
    assert proxy.lose_answers == 0


async def test_an_absent_server_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for("mongodb://127.0.0.1:9/x?directConnection=true")
    database = connect(settings.model_copy(update={"mongodb_timeout_ms": 100}))
    rows = database["rows"]
    monkeypatch.setattr(rows, "find", None)
    with pytest.raises(ServerSelectionTimeoutError):
        await find_few(rows, {})
    database.client.close()
