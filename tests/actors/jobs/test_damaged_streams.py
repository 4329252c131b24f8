"""A stream that cannot be read stops no job for the other generations."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import structlog

from actors.jobs import retention
from actors.jobs.deadlines import expire
from actors.jobs.late_predictions import find_late_predictions
from actors.jobs.orphans import erase_orphans
from actors.jobs.polling import poll
from actors.jobs.reconciliation import reconcile
from actors.jobs.redelivery import redeliver
from actors.jobs.retention import delete_old_personal_data
from actors.jobs.subscribers import SUBSCRIBERS, count
from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import Frontier
from domain.generation import invocation
from domain.generation.generation import State, stream_of
from store.errors import StoreUnavailableError
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.personal_data import PersonalData
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.quota.usage_recount import recount_usage
from store.webhooks.deliveries import AtLimit
from tests.actors.harness import BY_TEST, Harness, SandboxProvider
from tests.builders.webhook import START, delivery


class EmptyQueues:
    """A broker in which no message waits."""

    async def waiting(self) -> dict[str, int]:
        return {}


class UnreachablePersonalData(MemoryPersonalData):
    """Personal data in a store that cannot be reached."""

    async def get(self, generation: str, token: str) -> PersonalData | None:
        raise StoreUnavailableError


async def damage(harness: Harness, name: str) -> None:
    """Alter the body of a generation's first commit."""
    commits = harness.store.database.get_collection("commits")
    await commits.update_one({"_id": f"{stream_of(name)}:1"}, {"$set": {"body": b"damaged"}})


async def test_reconciliation_resolves_the_claims_of_others(harness: Harness, provider: SandboxProvider) -> None:
    for name in ("g1", "g2"):
        await provider.arm(create="drop_after_commit", times=1)
        assert (await harness.invoked(name)).state is State.INTENDED
    await harness.project("g1", "g2")
    await damage(harness, "g1")
    harness.clock.forward(seconds=5)

    await harness.run_job(reconcile)

    assert (await harness.load("g2")).prediction is not None


async def damage_personal_data(harness: Harness, name: str, *, field: str) -> None:
    """Remove a field of a generation's personal data."""
    await harness.store.database.get_collection("personal_data").update_one(
        {"generation": name}, {"$unset": {field: 1}}
    )


async def lose_answers(harness: Harness, provider: SandboxProvider) -> None:
    """Create two predictions whose answers are lost, damage the first one's data, and let the claims run out."""
    for name in ("g1", "g2"):
        await provider.arm(create="drop_after_commit", times=1)
        assert (await harness.invoked(name)).state is State.INTENDED
    await harness.project("g1", "g2")
    await damage_personal_data(harness, "g1", field="salt")
    harness.clock.forward(seconds=5)


async def test_reconciliation_resolves_claims_behind_damaged_personal_data(
    harness: Harness, provider: SandboxProvider
) -> None:
    await lose_answers(harness, provider)

    assert await harness.run_job(reconcile) == 2

    assert (await harness.load("g1")).prediction is None
    assert (await harness.load("g2")).prediction is not None


async def test_late_predictions_behind_damaged_personal_data_are_found(
    harness: Harness, provider: SandboxProvider
) -> None:
    await lose_answers(harness, provider)
    for name in ("g1", "g2"):
        await harness.generations.decide(name, partial(invocation.lose, attempt=1), cause=BY_TEST)
    await harness.project("g1", "g2")

    assert await harness.run_job(find_late_predictions) == 1

    assert (await harness.load("g2")).prediction is not None


@pytest.mark.parametrize("job", [reconcile, find_late_predictions])
async def test_an_unreachable_store_ends_the_search(
    harness: Harness, provider: SandboxProvider, job: Callable[..., Awaitable[int]]
) -> None:
    await lose_answers(harness, provider)
    if job is find_late_predictions:
        await harness.generations.decide("g1", partial(invocation.lose, attempt=1), cause=BY_TEST)
        await harness.project("g1")
    with pytest.raises(StoreUnavailableError):
        await harness.replace(personal_data=UnreachablePersonalData()).run_job(job)


@pytest.mark.parametrize("field", ["generation", "token"])
async def test_orphans_behind_damaged_personal_data_are_erased(harness: Harness, field: str) -> None:
    for name in ("g1", "g2"):
        orphan = PersonalData(name, "token-1", b"salt", '{"prompt": "a lake"}', (None,), harness.clock())
        await harness.store.personal_data.put(orphan)
        harness.clock.forward(seconds=1)
    await damage_personal_data(harness, "g1", field=field)
    harness.clock.forward(minutes=31)

    with structlog.testing.capture_logs() as lines:
        assert await harness.run_job(erase_orphans) == 1

    assert await harness.store.personal_data.get("g2", "token-1") is None
    assert [line["id"] for line in lines if line["event"] == "personal_data_damaged"] == ["g1/token-1"]


async def test_old_personal_data_behind_damaged_ones_are_forgotten(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_PAGE", 1)
    for name in ("g1", "g2", "g3"):
        await harness.request(name)
        await harness.fail(name)
    await harness.project("g1", "g2", "g3")
    await damage_personal_data(harness, "g1", field="generation")
    harness.clock.forward(days=31)

    with structlog.testing.capture_logs() as lines:
        assert await harness.replace(keep_personal_data_days=30).run_job(delete_old_personal_data) == 2

    assert "personal_data_damaged" in {line["event"] for line in lines}


@pytest.mark.parametrize("change", [{"$unset": {"created_at": 1}}, {"$set": {"created_at": "yesterday"}}], ids=str)
async def test_personal_data_without_a_time_are_found_by_the_sweeps(harness: Harness, change: dict[str, Any]) -> None:
    await harness.request("g1")
    await harness.fail("g1")
    await harness.project("g1")
    orphan = PersonalData("g2", "token-2", b"salt", '{"prompt": "a lake"}', (None,), harness.clock())
    await harness.store.personal_data.put(orphan)
    await harness.store.database.get_collection("personal_data").update_many({}, change)

    assert await harness.run_job(erase_orphans) == 0
    harness.clock.forward(minutes=31)
    assert await harness.run_job(erase_orphans) == 1
    harness.clock.forward(days=31)
    assert await harness.replace(keep_personal_data_days=30).run_job(delete_old_personal_data) == 1

    assert await harness.store.database.get_collection("personal_data").count_documents({}) == 0


async def test_polling_settles_the_predictions_of_others(harness: Harness, provider: SandboxProvider) -> None:
    for name in ("g1", "g2"):
        assert (await harness.invoked(name)).state is State.STARTED
    await harness.project("g1", "g2")
    await provider.finished()
    await damage(harness, "g1")
    harness.clock.forward(minutes=1)

    await harness.run_job(poll)

    assert (await harness.load("g2")).state is State.SETTLED


async def test_redelivery_moves_the_generations_of_others(harness: Harness) -> None:
    for name in ("g1", "g2"):
        await harness.request(name)
    await harness.project("g1", "g2")
    await damage(harness, "g1")
    harness.clock.forward(minutes=3)

    assert await harness.replace(publisher=EmptyQueues()).run_job(redeliver) == 2

    assert (await harness.load("g2")).state is State.VALIDATED


async def test_orphans_behind_it_are_erased(harness: Harness) -> None:
    await harness.request("g1")
    await damage(harness, "g1")
    harness.clock.forward(seconds=1)
    orphan = PersonalData("g2", "token-2", b"salt", '{"prompt": "a lake"}', (None,), harness.clock())
    await harness.store.personal_data.put(orphan)
    harness.clock.forward(seconds=timedelta(minutes=31).total_seconds())

    assert await harness.run_job(erase_orphans) == 1

    assert await harness.store.personal_data.get("g1", "token-1") is not None
    assert await harness.store.personal_data.get("g2", "token-2") is None


async def damage_fields(harness: Harness, name: str) -> dict[str, Any]:
    """Alter the index fields of a generation's first commit; return it as it was."""
    commits = harness.store.database.get_collection("commits")
    before = await commits.find_one_and_update({"_id": f"{stream_of(name)}:1"}, {"$unset": {"types": 1}})
    assert before is not None
    return dict(before)


async def make_newer(harness: Harness, commit: str) -> dict[str, Any]:
    """Let a commit be of a schema version that this code does not know; return it as it was."""
    commits = harness.store.database.get_collection("commits")
    before = await commits.find_one({"_id": commit})
    assert before is not None
    newer = re.sub(rb"(urn:exemplar:event:[a-z_.]+):1", rb"\1:99", before["body"])
    assert newer != before["body"]
    await commits.update_one({"_id": commit}, {"$set": {"body": newer}})
    return dict(before)


async def repair(harness: Harness, before: dict[str, Any]) -> None:
    await harness.store.database.get_collection("commits").replace_one({"_id": before["_id"]}, before)


@pytest.fixture
async def ended(harness: Harness) -> Harness:
    """Three generations that failed and are sealed."""
    for name in ("g1", "g2", "g3"):
        await harness.request(name)
        await harness.fail(name)
    await harness.store.sealed_log.seal()
    return harness


@pytest.mark.parametrize("subscriber", SUBSCRIBERS)
async def test_a_subscriber_passes_a_sealed_commit_without_its_fields(ended: Harness, subscriber: str) -> None:
    await damage_fields(ended, "g1")

    await ended.catch_up(subscriber)

    assert await ended.store.subscriptions.position(subscriber) == await ended.store.sealed_log.head()
    assert f"{stream_of('g1')}:1" in {parked.commit for parked in await ended.store.parking.all()}


async def test_a_commit_of_newer_code_is_parked_until_it_can_be_read(ended: Harness) -> None:
    newer = await make_newer(ended, f"{stream_of('g1')}:2")
    settlement = ended.subscriber("settlement")
    await settlement.run()
    assert {parked.commit for parked in await ended.store.parking.all()} == {newer["_id"]}
    assert (await ended.load("g2")).quota == "released"

    await repair(ended, newer)
    ended.clock.forward(minutes=1)
    await settlement.run()

    assert await ended.store.parking.all() == []
    assert (await ended.load("g1")).quota == "released"


async def test_usage_counts_a_commit_that_was_parked_once(ended: Harness) -> None:
    newer = await make_newer(ended, f"{stream_of('g1')}:1")
    usage = ended.subscriber("usage")
    await usage.run()
    assert [(one["generations"], one["failed"]) async for one in ended.store.usage_sums.all()] == [(2, 2)]

    await repair(ended, newer)
    for _ in range(3):
        ended.clock.forward(minutes=1)
        await usage.run()
    parked = await ended.store.sealed_log.read(after=0, limit=1)
    await ended.dependencies.bind(count, given=["entries"])([replace(parked[0], late=True)])

    assert await ended.store.parking.all() == []
    assert [(one["generations"], one["failed"]) async for one in ended.store.usage_sums.all()] == [(3, 3)]
    store = ended.store
    assert await recount_usage(store.sealed_log, store.subscriptions, store.parking, store.usage_sums) == []


async def test_usage_needs_nothing_of_later_commits(ended: Harness) -> None:
    commits = ended.store.database.get_collection("commits")
    await commits.update_one({"_id": f"{stream_of('g1')}:2"}, {"$set": {"body": b"damaged"}})

    await ended.catch_up("usage")

    assert [(one["generations"], one["failed"]) async for one in ended.store.usage_sums.all()] == [(3, 3)]


async def test_a_checkpoint_covers_a_commit_that_was_damaged_after_sealing(ended: Harness) -> None:
    await damage_fields(ended, "g1")
    checkpoints = ended.store.checkpoints
    grown = await checkpoints.grown(Frontier(), await checkpoints.head())
    assert grown.size == 6


async def test_a_position_without_a_leaf_is_a_contradiction(ended: Harness) -> None:
    await ended.store.database.get_collection("log").update_one({"_id": 2}, {"$unset": {"leaf": 1}})
    with pytest.raises(ContradictionError, match="position 2"):
        await ended.store.checkpoints.grown(Frontier(), 6)


async def test_a_feed_shows_the_events_of_others(ended: Harness) -> None:
    await damage(ended, "g1")
    found = await ended.store.feeds.read(projects=["prj-1"], user=None, first=1, last=6, limit=10)
    assert [entry.position for entry in found if entry.commit is None and not entry.newer] == [1]
    assert len(found) == 6


async def test_deadlines_of_others_are_applied(harness: Harness) -> None:
    names = [f"g{number:03}" for number in range(202)]
    for name in names:
        await harness.request(name)
    await harness.project(*names)
    for name in names[:201]:
        await damage(harness, name)
    harness = harness.replace()  # without snapshots
    harness.clock.forward(hours=3)

    for _ in range(2):
        await harness.run_job(expire)

    assert (await harness.load(names[-1])).state is State.FAILED


async def test_a_holder_that_cannot_be_read_refuses_no_submission_with_an_error(ended: Harness) -> None:
    await damage(ended, "g1")
    admission: Admission = ended.replace().dependencies.get("admission")
    await admission.hold("dev-1", "g4", period="2026-11", bounds=Bounds(monthly=None, concurrent=3))


async def test_a_webhook_delivery_that_cannot_be_read_delays_no_other(harness: Harness) -> None:
    deliveries, rows = harness.store.deliveries, harness.store.database.get_collection("webhook_deliveries")
    await deliveries.add([delivery("d1"), delivery("d2"), delivery("d3")])
    await rows.update_one({"_id": "d1"}, {"$unset": {"host": 1}})
    await rows.update_one({"_id": "d2"}, {"$set": {"added_by_newer_code": 1}})

    for _ in range(2):
        due = await deliveries.due(START + timedelta(days=1), excluding=AtLimit(), limit=3)
    assert [one.id for one in due] == ["d2", "d3"]
