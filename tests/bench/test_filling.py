from datetime import UTC, datetime, timedelta

import pytest

from bench.filling import Template, fill, require_codec
from events.commit import commit_from, commit_of, leaf_hash
from events.envelope import Cause
from store.commits.document import document_of, stored_commit
from store.quota.usage_recount import recount_usage
from tests.builders.generation import TO_COMPLETED, requested
from tests.store.quota.test_usage import count_log
from tests.stores import open_store
from tests.systems.waiting import until

CAUSE = Cause(actor="actor:bench")
NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
OLD, NEW = "01a219f9-24d7-7534-93a2-8ba492eb5647", "00000000-0000-4000-8000-000000000001"


def template() -> Template:
    commit = commit_of(f"generation-{OLD}", 0, [requested()], cause=CAUSE, time=NOON, writer="w")
    entry = {"_id": 7, "commit": commit.id, "stream": commit.stream, "leaf": leaf_hash(commit.body), "sealed_at": NOON}
    stored = document_of(commit, NOON.replace(microsecond=123000))
    return Template(OLD, {"commits": [stored], "log": [entry], "generations": [{"_id": OLD, "created_at": NOON}]})


def test_a_copy_is_a_readable_commit_of_another_generation_at_an_earlier_time() -> None:
    copy = template().copy(NEW, timedelta(days=2), 12)
    [document] = copy.documents["commits"]
    commit = stored_commit(document)
    assert commit.stream == f"generation-{NEW}"
    assert commit.events[0].time == NOON - timedelta(days=2)
    assert commit_from(document["body"]).body == document["body"]


def test_a_copy_has_the_next_position_and_the_hash_of_its_own_bytes() -> None:
    copy = template().copy(NEW, timedelta(days=2), 12)
    [commit], [entry] = copy.documents["commits"], copy.documents["log"]
    assert (entry["_id"], entry["commit"], entry["sealed_at"]) == (12, f"generation-{NEW}:1", NOON)
    assert entry["leaf"] == leaf_hash(commit["body"]) != template().documents["log"][0]["leaf"]


def test_a_copy_that_the_product_would_store_otherwise_is_refused() -> None:
    copy = template().copy(NEW, timedelta(days=2), 12)
    require_codec(copy)
    [commit] = copy.documents["commits"]
    commit["body"] = commit["body"].replace(b'"data":', b'"data": ')
    with pytest.raises(RuntimeError, match="is not what the product would have stored"):
        require_codec(copy)


def test_a_copy_has_the_row_of_its_own_id() -> None:
    copy = template().copy(NEW, timedelta(days=2), 12)
    assert copy.documents["generations"] == [{"_id": NEW, "created_at": NOON - timedelta(days=2)}]
    assert template().documents["generations"][0]["_id"] == OLD


async def test_the_sums_of_usage_are_those_that_the_product_counts(mongodb_url: str) -> None:
    """The id of a sum names the API key, and a sum has what its generations cost."""
    async with open_store(mongodb_url, prepared=True) as store:
        history = [requested(api_key="key-1"), *TO_COMPLETED[1:]]
        time = datetime.now(UTC).replace(microsecond=0)
        await store.events.append(f"generation-{OLD}", 0, history, cause=CAUSE, time=time)
        await store.database["generations"].insert_one({"_id": OLD, "created_at": time})
        await count_log(store)
        fill(mongodb_url, OLD, 5 * len(history))

        async def are_durable() -> bool:
            return await store.database["usage"].count_documents({}) > 1

        await until(are_durable, "a majority has what was filled in")
        sums = [one async for one in store.usage_sums.all()]
        assert sum(one["generations"] for one in sums) == sum(one["completed"] for one in sums) == 6
        assert {one["_id"].rpartition("/")[2] for one in sums} == {"key-1"}
        assert await recount_usage(store.sealed_log, store.subscriptions, store.parking, store.usage_sums) == []
