"""Each invariant holds of a log that the product wrote, and is broken by a direct change in MongoDB."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import aiohttp
import pytest
import rfc8785

from actors.jobs.subscribers import SUBSCRIBERS
from domain.audit.checkpoint_key import SigningKey
from domain.audit.invariants import MOST_VIOLATIONS, Finding, Invariant, InvariantReport, Violation
from events.commit import commit_of
from events.envelope import Cause
from events.generation import GenerationFailed
from store.audit.checkpointing import Checkpointer
from store.audit.pace import Progress
from store.commits.document import document_of
from store.quota import recount
from store.quota.ledger import Account, Bounds
from store.quota.mongo_ledger import MongoLedger
from tests.stores import OpenStore
from tests.systems.databases import Databases
from tests.systems.invariants import invariant_check
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System, opened_system
from tests.systems.tenants import make_tenant
from tests.systems.waiting import until

KEY = SigningKey("exemplar", bytes(range(32)))
Document = dict[str, Any]
Edit = Callable[[Document], None]


@dataclass
class Finished:
    """A log of three generations at rest, one of them failed; no process of the system runs any more."""

    store: OpenStore
    developer: str
    first: str
    completed: str
    failed: str

    async def check(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), progress: Progress | None = None
    ) -> InvariantReport:
        return await invariant_check(self.store.database, now).run(progress or _within)

    async def violations(self, invariant: Invariant, *, now: datetime | None = None) -> dict[str, list[str]]:
        """Check, and map the ids of an invariant's violations to their faults."""
        report = await self.check() if now is None else await self.check(lambda: now)
        found = defaultdict[str, list[str]](list)
        for one in report.findings.of[invariant].violations:
            found[one.id].append(one.fault)
        return dict(found)

    @asynccontextmanager
    async def replaced(self, collection: str, where: Document, edit: Edit | None) -> AsyncIterator[Document]:
        """Edit the one document, without an edit delete it, and put it back in the end."""
        documents: Any = self.store.database[collection]
        [found] = await documents.find(where).to_list(None)
        changed = json_copy(found)
        if edit is None:
            await documents.delete_one({"_id": found["_id"]})
        else:
            edit(changed)
            await documents.replace_one({"_id": found["_id"]}, changed)
        try:
            yield found
        finally:
            await documents.replace_one({"_id": found["_id"]}, found, upsert=True)

    def of(self, kind: str, generation: str | None = None) -> Document:
        return {"stream": f"generation-{generation or self.completed}", "types": f"generation.{kind}"}


def after(**span: float) -> datetime:
    """Return the time after a span from now."""
    return datetime.now(UTC) + timedelta(**span)


def json_copy(document: Document) -> Document:
    return {name: [*value] if isinstance(value, list) else value for name, value in document.items()}


async def _within(done: int, size: int) -> None:
    assert 0 <= done <= size


@pytest.fixture(scope="module")
def system(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("invariants"), databases) as system:
        yield system


@pytest.fixture(scope="module")
def written(system: System) -> tuple[str, str, str, str]:
    """Let the product write a log and come to rest, sign it, and end every process."""
    return asyncio.run(_write(system))


async def _write(system: System) -> tuple[str, str, str, str]:
    system.start()
    async with aiohttp.ClientSession() as session, system.open_store() as store:
        sandbox = SandboxClient(system.sandbox_url, session)
        tenant = await make_tenant(system, session, "internal")
        # One after the other: the second is paid while the price of the first is in force.
        completed = [await tenant.accepted()]
        await tenant.completed(completed[0])
        completed.append(await tenant.accepted())
        await tenant.completed(completed[1])
        failed = await tenant.spoiled(sandbox, outcome="E6716")
        await tenant.finished(failed)
        await until(lambda: _at_rest(store), "everything is sealed and handled", within=60)
        await system.terminate("solo")
        system.close()
        signer = Checkpointer(store.checkpoints, signer=KEY, trusted=(KEY.public,), clock=lambda: datetime.now(UTC))
        await store.database["checkpoints"].delete_many({})
        assert await signer.make() is not None
    return tenant.developer, completed[0], completed[1], failed


async def _at_rest(store: OpenStore) -> bool:
    head, commits = await store.sealed_log.head(), await store.database["commits"].count_documents({})
    rows = await store.database["generations"].count_documents({"quota": {"$ne": "held"}})
    passed = {await store.subscriptions.position(name) for name in SUBSCRIBERS}
    return (
        rows == 3
        and head == commits
        and passed == {head}
        and not await store.database["ledger"].count_documents({"generation": {"$exists": True}})
    )


@pytest.fixture
async def finished(system: System, written: tuple[str, str, str, str]) -> AsyncIterator[Finished]:
    async with system.open_store() as store:
        yield Finished(store, *written)


def in_body(edit: Edit, kind: str) -> Edit:
    """Edit the data of an event within a body."""

    def change(document: Document) -> None:
        events = json.loads(document["body"])
        [event] = [one for one in events if one["type"] == f"generation.{kind}"]
        edit(event["data"])
        document["body"] = rfc8785.dumps(events)

    return change


async def test_every_invariant_holds_of_an_untouched_log(finished: Finished) -> None:
    report = await finished.check()
    assert report.ok, report.body()
    assert report.position == await finished.store.sealed_log.head()
    assert report.findings.of[Invariant.ONE_FINAL_EVENT].checked == 3
    assert all(finding.checked for finding in report.findings.of.values())


async def test_a_missing_commit_is_named_with_its_position(finished: Finished) -> None:
    async with finished.replaced("commits", finished.of("started"), None) as removed:
        violations = await finished.violations(Invariant.NO_GAP)
        entry = await finished.store.database["log"].find_one({"commit": removed["_id"]})
    assert entry is not None
    assert violations[removed["_id"]] == [
        "is missing",
        f"is missing: position {entry['_id']} names it",
    ]


async def test_what_a_second_look_does_not_confirm_is_no_violation(finished: Finished) -> None:
    commits = finished.store.database["commits"]
    async with finished.replaced("commits", finished.of("started"), None) as removed:

        async def repair(done: int, size: int) -> None:
            await commits.replace_one({"_id": removed["_id"]}, removed, upsert=True)

        assert (await finished.check(progress=repair)).ok


async def test_a_missing_position_is_named_with_its_commit(finished: Finished) -> None:
    wanted = {"commit": f"generation-{finished.completed}:2"}
    async with finished.replaced("log", wanted, None) as removed:
        violations = await finished.violations(Invariant.NO_GAP)
    assert violations[f"position {removed['_id']}"] == ["is missing"]
    assert violations[removed["commit"]] == ["has no position, and no mark that it waits for one"]


async def test_two_positions_in_the_wrong_order_are_named(finished: Finished) -> None:
    stream = f"generation-{finished.completed}"
    found = await finished.store.database["log"].find({"stream": stream}).sort("_id", 1).to_list(None)
    first, second = found[0]["_id"], found[1]["_id"]
    async with (
        finished.replaced("log", {"_id": first}, None) as one,
        finished.replaced("log", {"_id": second}, None) as other,
    ):
        log = finished.store.database["log"]
        await log.insert_many([{**other, "_id": first}, {**one, "_id": second}])
        violations = await finished.violations(Invariant.NO_GAP)
        await log.delete_many({"_id": {"$in": [first, second]}})
    assert violations[other["commit"]] == [f"is sealed at {first}, before the version that it follows"]


async def test_a_time_of_sealing_that_decreases_is_named(finished: Finished) -> None:
    head = await finished.store.sealed_log.head()
    async with finished.replaced("log", {"_id": head}, lambda one: one.update(sealed_at=after(days=-1))):
        violations = await finished.violations(Invariant.NO_GAP)
    assert violations == {f"position {head}": ["was sealed before the position that it follows"]}


async def test_a_damaged_body_is_named(finished: Finished) -> None:
    async with finished.replaced("commits", finished.of("started"), lambda one: one.update(body=b"[")) as damaged:
        violations = await finished.violations(Invariant.NO_GAP)
    [fault] = violations[damaged["_id"]]
    assert fault.startswith("cannot be read: ")


async def test_a_second_final_event_is_named(finished: Finished) -> None:
    stream = f"generation-{finished.completed}"
    commits = await finished.store.events.read(stream)
    now = after()
    event = GenerationFailed(code="provider_failed", stage="completion", retryable=True)
    late = commit_of(stream, commits[-1].last, [event], cause=Cause(actor="forger"), time=now, writer="x")
    await finished.store.database["commits"].insert_one(document_of(late, now))
    try:
        violations = await finished.violations(Invariant.ONE_FINAL_EVENT)
    finally:
        await finished.store.database["commits"].delete_one({"_id": late.id})
    first = next(one.id for commit in commits for one in commit.events if one.type == "generation.completed")
    assert violations == {
        late.id: ["generation.failed is not allowed after completed", f"is a second final event: {first} was the first"]
    }


async def test_a_second_prediction_of_one_attempt_is_named(finished: Finished) -> None:
    edit = in_body(lambda data: data.update(prediction="another"), "started")
    async with finished.replaced("commits", finished.of("started"), edit):
        violations = await finished.violations(Invariant.ONE_CREATION)
    [(name, [fault])] = violations.items()
    assert name.startswith(f"generation-{finished.completed}:")
    assert "attempt 1 has made" in fault
    assert "another" in fault


async def test_an_attempt_that_was_not_announced_is_named(finished: Finished) -> None:
    edit = in_body(lambda data: data.update(attempt=2), "invocation_intended")
    async with finished.replaced("commits", finished.of("invocation_intended"), edit):
        violations = await finished.violations(Invariant.ONE_CREATION)
    faults = [fault for found in violations.values() for fault in found]
    assert "announces attempt 2, expected is 1" in faults
    assert "attempt 1 was not announced before it" in faults


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"outcome": "released"}, "has released the unit"),
        ({"period": "2020-01"}, "is of 2020-01, the unit was taken of"),
    ],
)
async def test_a_unit_that_went_astray_is_named(finished: Finished, change: Document, fault: str) -> None:
    edit = in_body(lambda data: data.update(change), "quota_settled")
    async with finished.replaced("commits", finished.of("quota_settled"), edit):
        violations = await finished.violations(Invariant.QUOTA)
    assert any(one.startswith(fault) for found in violations.values() for one in found), violations
    assert any(name.startswith(f"generation-{finished.completed}:") for name in violations)


async def test_units_that_are_returned_and_used_are_named_with_the_month(finished: Finished) -> None:
    edit = in_body(lambda data: data.update(outcome="released"), "quota_settled")
    async with finished.replaced("commits", finished.of("quota_settled"), edit):
        violations = await finished.violations(Invariant.QUOTA)
    month = next(name for name in violations if name.startswith(f"{finished.developer} "))
    assert violations[month] == ["taken and not returned: 1, used: 2"]


@pytest.mark.parametrize("field", ["sealed_at", "commit", "terms", "leaf"])
async def test_a_malformed_position_is_named_and_ends_no_run(finished: Finished, field: str) -> None:
    wanted = {"commit": f"generation-{finished.completed}:2"}
    async with finished.replaced("log", wanted, lambda one: one.pop(field)) as entry:
        report = await finished.check()
    named = {one.id for finding in report.findings.of.values() for one in finding.violations}
    position = f"position {entry['_id']}"
    assert f"log {position}" in named
    assert (position in named) is (field in {"sealed_at", "commit"})


async def test_a_changed_term_is_a_violation_at_its_position(finished: Finished) -> None:
    wanted = {"commit": f"generation-{finished.completed}:1"}
    async with finished.replaced("log", wanted, lambda one: one["terms"].append("user=usr-9")) as entry:
        violations = await finished.violations(Invariant.STATE)
    assert violations == {f"log position {entry['_id']}": ['terms: [] in the log, ["user=usr-9"] stored']}


async def test_what_moves_during_each_comparison_is_a_note(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    account, used = MongoLedger.account, count(1)

    async def moving(self: MongoLedger, developer: str, **given: Any) -> Account:
        found = await account(self, developer, **given)
        return replace(found, used=(*found.used, ("2026-01", next(used))))

    monkeypatch.setattr(MongoLedger, "account", moving)
    monkeypatch.setattr(recount, "_ATTEMPTS", 1)
    report = await finished.check()
    notes = {one.id: one.fault for one in report.findings.of[Invariant.QUOTA].notes}
    assert notes == {f"ledger {finished.developer}": "changed during each comparison, and was not compared"}
    assert not report.findings.of[Invariant.QUOTA].broken


async def test_a_row_that_is_not_the_fold_is_named_with_its_field(finished: Finished) -> None:
    async with finished.replaced("generations", {"_id": finished.completed}, lambda one: one.update(status="failed")):
        violations = await finished.violations(Invariant.STATE)
    assert violations == {f"generations {finished.completed}": ["status: completed in the log, failed stored"]}


async def test_a_counter_of_the_ledger_that_is_not_the_recount_is_named(finished: Finished) -> None:
    month = f"{after():%Y-%m}"
    async with finished.replaced("ledger", {"_id": finished.developer}, lambda one: one.update(used={month: 7})):
        violations = await finished.violations(Invariant.QUOTA)
    assert violations == {f"ledger {finished.developer}": [f"units {month}: 2 in the log, 7 stored"]}


async def test_a_sum_of_usage_that_is_not_the_log_s_is_named(finished: Finished) -> None:
    async with finished.replaced("usage", {}, lambda one: one.update(completed=9)) as sum_of_day:
        violations = await finished.violations(Invariant.SUMS)
    assert violations == {f"usage {sum_of_day['_id']}": ["completed: 2 in the log, 9 stored"]}


async def test_a_malformed_document_is_a_violation_and_the_others_are_compared(finished: Finished) -> None:
    row = {"_id": finished.completed}
    async with (
        finished.replaced("developers", {"_id": finished.developer}, lambda one: one.update(folded=1)),
        finished.replaced("generations", row, lambda one: one.update(status="failed")),
    ):
        violations = await finished.violations(Invariant.STATE)
    assert violations.pop(f"generations {finished.completed}") == ["status: completed in the log, failed stored"]
    [[fault]] = violations.values()
    assert fault.startswith("cannot be compared: ")


async def test_a_slot_of_an_ended_generation_is_named(finished: Finished) -> None:
    ledger = finished.store.ledger
    period, later = f"{after():%Y-%m}", after(minutes=3)
    await ledger.hold(
        finished.developer, finished.failed, period=period, bounds=Bounds(monthly=None, concurrent=None), now=after()
    )
    young = await finished.violations(Invariant.QUOTA)
    old = await finished.violations(Invariant.QUOTA, now=later)
    await ledger.settle(finished.developer, finished.failed, "released")
    slot = f"slot {finished.developer} {finished.failed}"
    assert slot not in young
    assert old[slot][0].startswith("is held in the ledger; the generation ended at")


@pytest.mark.parametrize("member", ["cost_microusd", "predict_seconds"])
async def test_a_cost_that_is_not_time_by_price_is_named(finished: Finished, member: str) -> None:
    edit = in_body(lambda data: data.update({member: data[member] * 2}), "prediction_settled")
    async with finished.replaced("commits", finished.of("prediction_settled"), edit):
        violations = await finished.violations(Invariant.SUMS)
    faults = [fault for found in violations.values() for fault in found]
    assert any("which is no price of that time" in fault for fault in faults)
    assert any(fault.startswith("has ") and "its prediction" in fault for fault in faults)
    others = [name for name in violations if not name.startswith(f"generation-{finished.completed}:")]
    assert all(name.startswith("usage ") for name in others), "the sum of costs is another one too"
    assert bool(others) is (member == "cost_microusd")


async def test_a_position_under_no_checkpoint_is_named_after_two_minutes(finished: Finished) -> None:
    head, checkpoints = await finished.store.sealed_log.head(), finished.store.database["checkpoints"]
    async with finished.replaced("checkpoints", {"_id": head}, None):
        assert not await finished.violations(Invariant.CHECKPOINT)
        violations = await finished.violations(Invariant.CHECKPOINT, now=after(minutes=10))
        assert await checkpoints.count_documents({}) == 0
    [(name, [fault])] = violations.items()
    assert name == f"positions 1 to {head}"
    assert fault.endswith("under no checkpoint")


async def test_without_a_key_positions_under_no_checkpoint_are_no_violation(finished: Finished) -> None:
    head = await finished.store.sealed_log.head()
    later = after(minutes=10)
    async with finished.replaced("checkpoints", {"_id": head}, None):
        report = await invariant_check(finished.store.database, lambda: later, signs=False).run(_within)
    finding = report.findings.of[Invariant.CHECKPOINT]
    assert (finding.broken, finding.checked) == (0, head)
    assert finding.notes[0] == (
        "EXEMPLAR_CHECKPOINT_KEY",
        "is not configured: no position has to be under a checkpoint",
    )


async def test_a_row_that_is_merely_late_is_named_after_two_minutes(finished: Finished) -> None:
    row = {"_id": finished.completed}
    for edit in (lambda one: one.update(version=1, status="queued"), None):
        async with finished.replaced("generations", row, edit) as found:
            updated_at = found["updated_at"]
            young = await finished.violations(Invariant.STATE, now=updated_at + timedelta(minutes=1))
            old = await finished.violations(Invariant.STATE, now=updated_at + timedelta(minutes=3))
        assert f"generations {finished.completed}" not in young
        assert old[f"generations {finished.completed}"]
    async with finished.replaced("generations", row, lambda one: one.update(status="queued")):
        damaged = await finished.violations(Invariant.STATE, now=updated_at + timedelta(minutes=1))
    assert damaged == {f"generations {finished.completed}": ["status: completed in the log, queued stored"]}


async def test_texts_of_a_report_are_cut(finished: Finished) -> None:
    edit: Edit = lambda one: one.update({"status": "x" * 100_000})  # noqa: E731
    async with finished.replaced("generations", {"_id": finished.completed}, edit):
        report = await finished.check()
    report.findings.of[Invariant.NO_GAP].add(Violation("y" * 1000, "z" * 1000))
    texts = [text for one in report.body()["invariants"] for found in one["violations"] for text in found.values()]
    assert f"status: completed in the log, {'x' * 69}… stored" in texts
    assert {"y" * 199 + "…", "z" * 199 + "…"} <= {*texts}


async def test_what_was_signed_too_late_is_a_note(finished: Finished) -> None:
    head = await finished.store.sealed_log.head()
    late = after(hours=1)
    async with finished.replaced("checkpoints", {"_id": head}, lambda one: one.update(time=late)):
        report = await finished.check()
    assert report.ok
    [note] = report.findings.of[Invariant.CHECKPOINT].notes
    assert note.id == f"positions 1 to {head}"
    assert "signed at" in note.fault


async def test_a_damaged_checkpoint_covers_nothing(finished: Finished) -> None:
    head = await finished.store.sealed_log.head()
    async with finished.replaced("checkpoints", {"_id": head}, lambda one: one.update(root=b"0" * 32)):
        violations = await finished.violations(Invariant.CHECKPOINT)
    assert f"checkpoint {head}" in violations


async def test_further_violations_are_counted(finished: Finished) -> None:
    finding = Finding()
    for number in range(MOST_VIOLATIONS + 5):
        finding.add(Violation(str(number), "is broken"))
    assert (finding.broken, len(finding.violations)) == (MOST_VIOLATIONS + 5, MOST_VIOLATIONS)
