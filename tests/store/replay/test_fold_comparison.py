"""State equals fold: what is stored agrees with the log, and each field that does not is named."""

from datetime import timedelta
from typing import Any

import pytest

from domain.accounts.quota import period_of
from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import stream_of
from domain.generation.lifecycle import Timeouts
from domain.webhooks.endpoint import remove, stream_of_deliveries, stream_of_endpoint
from events.owner import GenerationPublished
from events.webhook import DeliveryFailed
from store.commits.unreadable import UnreadableCommit
from store.generations.folding import load_generation
from store.generations.projection import rows_of
from store.replay import fold_comparison
from store.replay.fold_comparison import FoldComparison
from tests.builders.damage import DAMAGE
from tests.systems.derived_store import CAUSE, DEVELOPER, DerivedStore

LATER = timedelta(milliseconds=1)


async def tamper(derived: DerivedStore, collection: str, query: dict[str, Any], update: dict[str, Any]) -> None:
    changed = await derived.system.store.database[collection].update_one(query, update)
    assert changed.modified_count == 1, (collection, query)


async def test_what_the_product_wrote_equals_the_fold(derived: DerivedStore) -> None:
    report = await derived.compare()
    assert (report.differences, report.different) == ([], 0)
    wanted = {"generations": 3, "developers": 1, "projects": 2, "keys": 3, "users": 2, "staff": 1, "usage": 1}
    wanted |= {"webhook_endpoints": 1, "ledger": 1, "webhook_deliveries": report.compared["webhook_deliveries"]}
    wanted |= {"access_keys": 4, "log": report.position}
    assert dict(report.compared) == wanted
    assert report.compared["webhook_deliveries"] > 6
    assert report.position == await derived.system.store.sealed_log.head()
    assert report.events > report.position > report.streams == 7 + 3


CHANGED: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, str, Any, Any]]] = [
    ("generations", {"_id": "g0"}, {"status": "failed"}, ("g0", "status", "completed", "failed")),
    ("generations", {"_id": "g0"}, {"attempt": 7}, ("g0", "attempt", 1, 7)),
    ("generations", {"_id": "g2"}, {"prompt": "a cat"}, ("g2", "prompt", None, "a cat")),
    ("predictions", {"_id": "p1"}, {"generation": "g9"}, ("p1", "generation", "g0", "g9")),
    ("developers", {"_id": DEVELOPER}, {"tier": "internal"}, (DEVELOPER, "tier", "cloud_starter", "internal")),
    (
        "developers",
        {"_id": DEVELOPER},
        {"folded.projects": []},
        (DEVELOPER, "folded.projects", ["prj-1"], []),
    ),
    ("projects", {"_id": "prj-2"}, {"active": True}, ("prj-2", "active", False, True)),
    ("keys", {"_id": "key-3"}, {"active": True}, ("key-3", "active", False, True)),
    ("keys", {"_id": "key-1"}, {"project_id": "prj-2"}, ("key-1", "project_id", "prj-1", "prj-2")),
    (
        "access_keys",
        {"_id": "usr-1-revoked"},
        {"active": True},
        ("usr-1-revoked", "active", False, True),
    ),
    (
        "access_keys",
        {"_id": "usr-1-kept"},
        {"scopes": ["manage"]},
        ("usr-1-kept", "scopes", ["generate", "read"], ["manage"]),
    ),
    ("users", {"_id": "usr-2"}, {"active": True}, ("usr-2", "active", False, True)),
    ("staff", {"_id": "stf-1"}, {"role": "platform_operator"}, ("stf-1", "role", "auditor", "platform_operator")),
]


@pytest.mark.parametrize(("collection", "query", "fields", "difference"), CHANGED, ids=str)
async def test_a_changed_field_is_named_with_both_values(
    derived: DerivedStore, collection: str, query: dict[str, Any], fields: dict[str, Any], difference: tuple[str, ...]
) -> None:
    await tamper(derived, collection, query, {"$set": fields})
    assert await derived.differences() == [(collection, *difference)]


async def test_a_prediction_that_its_address_names_needs_no_claim(derived: DerivedStore) -> None:
    assert (await derived.system.store.database["predictions"].delete_one({"_id": "p1"})).deleted_count == 1
    assert await derived.differences() == []


async def test_a_changed_count_of_the_ledger_is_named(derived: DerivedStore) -> None:
    month = period_of(derived.system.clock.now)
    await tamper(derived, "ledger", {"_id": DEVELOPER}, {"$set": {f"used.{month}": 77}})
    assert await derived.differences() == [("ledger", DEVELOPER, f"units {month}", 2, 77)]


async def test_a_changed_sum_of_usage_is_named(derived: DerivedStore) -> None:
    await tamper(derived, "usage", {}, {"$inc": {"completed": 5}})
    [(model, key, field, log, stored)] = await derived.differences()
    assert (model, field, log, stored) == ("usage", "completed", 1, 6)
    assert key.startswith(f"{DEVELOPER}/")


async def test_a_changed_endpoint_is_named(derived: DerivedStore) -> None:
    await tamper(derived, "webhook_endpoints", {"_id": derived.endpoint}, {"$set": {"endpoint.disabled": "gone"}})
    wanted = ("webhook_endpoints", derived.endpoint, "endpoint.disabled", None, "gone")
    assert await derived.differences() == [wanted]


async def test_a_removed_grant_and_a_removed_row_are_named(derived: DerivedStore) -> None:
    await tamper(derived, "staff", {"_id": "stf-1"}, {"$set": {"grants": []}})
    await derived.system.store.database["generations"].delete_one({"_id": "g1"})
    grants, row = sorted(await derived.differences(), key=lambda one: one[0] != "staff")
    assert grants[:3] == ("staff", "stf-1", "grants")
    assert isinstance(grants[3], dict)
    assert list(grants[3]) == ["grt-1"]
    assert row == ("generations", "g1", "_id", "g1", None)


async def test_a_delivery_is_compared_with_its_event_and_its_attempts(derived: DerivedStore) -> None:
    database = derived.system.store.database
    row = await database["webhook_deliveries"].find_one({"generation": "g1", "type": "generation.failed"})
    assert row is not None
    assert row["state"] == "delivered"
    await tamper(derived, "webhook_deliveries", {"_id": row["_id"]}, {"$set": {"attempts.0.status": 500}})
    await tamper(derived, "webhook_deliveries", {"_id": row["_id"]}, {"$set": {"state": "failed", "user": "usr-9"}})
    found = {(key, field): (log, stored) for _, key, field, log, stored in await derived.differences()}
    assert found[row["_id"], "user"] == ("usr-1", "usr-9")
    assert found[row["_id"], "state"] == ("delivered", "failed")
    assert found[row["_id"], "attempts.1"][0] is None
    assert len(found) == 3, "the number is there, with another status"


@pytest.fixture
async def retried(derived: DerivedStore) -> dict[str, Any]:
    """A delivery with two more attempts in its stream and in its row."""
    store = derived.system.store
    row = await store.database["webhook_deliveries"].find_one({"generation": "g1", "type": "generation.failed"})
    assert row is not None
    stream = stream_of_deliveries(row["endpoint"], "g1")
    version = (await store.events.read(stream))[-1].last
    about = {"delivery": row["_id"], "event": row["event"], "status": 500, "milliseconds": 3}
    failed = [DeliveryFailed(**about, attempt=number, code="status", retry_at=None) for number in (2, 3)]
    await store.events.append(stream, version, failed, cause=CAUSE, time=derived.system.clock.now)
    attempts = [{**row["attempts"][0], "number": one.attempt, "status": 500, "error": "status", "milliseconds": 3}
                for one in failed]  # fmt: skip
    await tamper(derived, "webhook_deliveries", {"_id": row["_id"]}, {"$push": {"attempts": {"$each": attempts}}})
    await derived.seal()
    assert await derived.differences() == []
    return row


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_an_attempt_that_was_removed_is_named(
    derived: DerivedStore, retried: dict[str, Any], number: int
) -> None:
    update = {"$pull": {"attempts": {"number": number}}}
    await tamper(derived, "webhook_deliveries", {"_id": retried["_id"]}, update)
    [(model, key, field, log, stored)] = await derived.differences()
    assert (model, key, field, stored) == ("webhook_deliveries", retried["_id"], f"attempts.{number}", None)
    assert isinstance(log, dict)
    assert log["number"] == number


async def test_the_last_attempt_of_a_delivery_that_goes_on_may_be_in_the_log_alone(
    derived: DerivedStore, retried: dict[str, Any]
) -> None:
    for numbers, found in (([3], 0), ([2, 3], 1)):
        update = {"$set": {"state": "pending"}, "$pull": {"attempts": {"number": {"$in": numbers}}}}
        await tamper(derived, "webhook_deliveries", {"_id": retried["_id"]}, update)
        assert len(await derived.differences()) == found


async def test_a_removed_delivery_is_named_until_it_would_have_expired(derived: DerivedStore) -> None:
    database = derived.system.store.database
    rows = await database["webhook_deliveries"].find({"attempts": {"$ne": []}}).to_list(None)
    removed = {row["_id"] for row in rows}
    await database["webhook_deliveries"].delete_many({})
    wanted = {("webhook_deliveries", key, "_id", key, None) for key in removed}
    assert {*await derived.differences()} == wanted
    derived.system.advance(seconds=timedelta(days=30).total_seconds())
    assert await derived.differences() == []


async def test_the_deliveries_of_a_removed_endpoint_are_not_missed(derived: DerivedStore) -> None:
    await derived.system.webhooks.decide(derived.endpoint, remove, cause=CAUSE)
    await derived.system.webhooks.project(derived.endpoint)
    assert await derived.system.store.database["webhook_deliveries"].count_documents({"attempts": {"$ne": []}}) == 0
    await derived.seal()
    assert [one for one in await derived.differences() if one[0] == "webhook_deliveries"] == []


@pytest.mark.parametrize(
    ("collection", "document"),
    [
        ("generations", {"_id": "g9", "version": 1}),
        ("webhook_endpoints", {"_id": "e9", "project": "prj-9", "slot": 0}),
        ("developers", {"_id": "dev-9", "email": "x"}),
        ("keys", {"_id": "key-9", "hash": "x", "developer_id": "dev-9"}),
        ("projects", {"_id": "prj-9", "developer_id": DEVELOPER}),
        ("staff", {"_id": "stf-9", "email": "x"}),
    ],
    ids=str,
)
async def test_a_document_without_events_is_named(
    derived: DerivedStore, collection: str, document: dict[str, Any]
) -> None:
    await derived.system.store.database[collection].insert_one(document)
    assert await derived.differences() == [(collection, document["_id"], "_id", None, document["_id"])]


MALFORMED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("webhook_deliveries", {}, {"attempts": "damaged"}),
    ("webhook_deliveries", {}, {"attempts": [1]}),
    ("generations", {"_id": "g1"}, {"version": "damaged"}),
    ("generations", {"_id": "g1"}, {"owner": 1, "created_at": "damaged"}),
    ("developers", {"_id": DEVELOPER}, {"folded": 1}),
    ("staff", {"_id": "stf-1"}, {"grants": 1}),
    ("staff", {"_id": "stf-1"}, {"grants": [1]}),
    ("webhook_endpoints", {}, {"endpoint": 1}),
    ("ledger", {"_id": DEVELOPER}, {"used": 1}),
    ("ledger", {"_id": DEVELOPER}, {"used": {"x": "y"}}),
    ("usage", {}, {"position": "damaged"}),
    ("usage", {}, {"generations": [1]}),
]


@pytest.mark.parametrize(("collection", "query", "fields"), MALFORMED, ids=str)
async def test_a_malformed_document_is_named_and_the_others_are_compared(
    derived: DerivedStore, collection: str, query: dict[str, Any], fields: dict[str, Any]
) -> None:
    await tamper(derived, collection, query, {"$set": fields})
    await tamper(derived, "generations", {"_id": "g2"}, {"$set": {"prompt": "a cat"}})
    found = {one[:3] for one in await derived.differences()}
    assert ("generations", "g2", "prompt") in found
    models = {"developers": {"developers", "developer"}, "webhook_endpoints": {"webhook_endpoints", "endpoint"}}
    assert {model for model, key, _ in found if key != "g2"} & models.get(collection, {collection}), found


async def test_a_sum_of_usage_without_its_members_is_named(derived: DerivedStore) -> None:
    usage = derived.system.store.database["usage"]
    await usage.update_one({}, {"$unset": {"developer": "", "completed": "", "position": ""}})
    [found] = await derived.differences()
    assert (found[0], *found[2:]) == ("usage", "completed", 1, None)
    await usage.insert_one({"_id": "junk"})
    assert ("usage", "junk") in {one[:2] for one in await derived.differences()}


async def test_what_moves_on_meanwhile_is_no_difference(derived: DerivedStore) -> None:
    """The row is behind its stream when it is first compared, and written before it is compared again."""
    store = derived.system.store
    [last, *_] = reversed(await store.events.read(stream_of("g0")))
    published = [GenerationPublished(is_public=True)]
    await store.events.append(stream_of("g0"), last.last, published, cause=CAUSE, time=derived.system.clock.now)
    assert next(one[:3] for one in await derived.differences()) == ("generations", "g0", "is_public")
    process = derived.process

    async def project() -> None:
        g0 = await load_generation(store.events, "g0")
        assert g0 is not None
        await store.projection.write(await rows_of([g0], store.personal_data, Timeouts()))

    process.set(pause=project)
    assert (await process.call(FoldComparison).run()).different == 0


async def test_a_stream_that_cannot_be_read_is_named_and_sets_its_developer_aside(derived: DerivedStore) -> None:
    await DAMAGE["second body"].do(derived.system.store.database, "g0")
    found = list[UnreadableCommit]()
    report = await derived.compare(on_unreadable=found.append)
    assert {(one.stream, one.version) for one in found} == {("generation-g0", 2)}
    assert found[0].developer == DEVELOPER
    assert [(one.model, one.field) for one in report.differences] == [("log", "leaf")]
    assert report.compared["generations"] == 2


async def test_a_report_lists_the_first_differences_and_counts_all(
    derived: DerivedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold_comparison, "MOST_DIFFERENCES", 2)
    await derived.system.store.database["generations"].delete_many({})
    report = await derived.compare()
    assert (len(report.differences), report.different) == (2, 3)


async def test_one_stream_is_compared_with_what_is_derived_from_it(derived: DerivedStore) -> None:
    comparison = derived.process.call(FoldComparison)
    generation = await comparison.of_stream(stream_of("g0"))
    assert (generation.streams, generation.different, dict(generation.compared)) == (1, 0, {"generations": 1, "log": 3})
    await tamper(derived, "generations", {"_id": "g0"}, {"$set": {"quota": "held"}})
    [found] = (await comparison.of_stream(stream_of("g0"))).differences
    assert (found.key, found.field, found.log, found.stored) == ("g0", "quota", "spent", "held")
    assert (await comparison.of_stream(stream_of("g1"))).different == 0
    endpoint = await comparison.of_stream(stream_of_endpoint(derived.endpoint))
    assert dict(endpoint.compared) == {"webhook_endpoints": 1, "log": 1}
    attempts = await comparison.of_stream(stream_of_deliveries(derived.endpoint, "g0"))
    assert attempts.compared["webhook_deliveries"] > 2
    with pytest.raises(ExemplarError) as error:
        await comparison.of_stream("generation-unknown")
    assert error.value.code is ErrorCode.NOT_FOUND


async def test_one_stream_that_cannot_be_read_is_named(derived: DerivedStore) -> None:
    await DAMAGE["second body"].do(derived.system.store.database, "g0")
    found = list[UnreadableCommit]()
    report = await derived.process.call(FoldComparison).of_stream(stream_of("g0"), on_unreadable=found.append)
    assert [(one.stream, one.version) for one in found] == [("generation-g0", 2)]
    assert (report.streams, report.state_hash) == (0, "")
