"""The invariants over HTTP: the scheduler makes the run, the gateway shows the last one."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from actors.jobs.invariants import check_invariants
from domain.accounts.access import Role
from domain.audit.invariants import STATEMENTS
from store.audit.invariant_runs import InvariantRuns
from store.audit.invariant_scan import InvariantScan
from tests.gateway.audit.conftest import ACCESSES, AuditHarness
from tests.systems.gateway import OPERATOR_KEY
from tests.systems.invariants import invariant_check
from tests.systems.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

INVARIANTS = "/api/v1/audit/invariants"


async def run(audit: AuditHarness) -> int:
    """Run the scheduler's job once, as if the last run was long ago."""
    store = audit.gateway.store
    await store.database["invariant_runs"].update_one(
        {"_id": "latest"}, {"$set": {"ended_at": datetime(2026, 1, 1, tzinfo=UTC)}}
    )
    runs = store.make(InvariantRuns)
    return await check_invariants(
        invariant_runs=runs, invariant_check=invariant_check(store.database), leases=store.leases
    )


async def read(audit: AuditHarness, **headers: str) -> dict[str, Any]:
    status, body = await audit.gateway.get(INVARIANTS, {**audit.auditor, **headers})
    assert status == 200, body
    return dict(body)


async def test_a_request_asks_for_a_run_and_the_next_one_shows_its_report(audit: AuditHarness) -> None:
    await audit.gateway.store.database["invariant_runs"].delete_many({})
    assert await run(audit) == 0
    first = await read(audit)
    assert (first["report"], first["next"]["began_at"], first["next"]["done"]) == (None, None, 0)
    assert await run(audit) == 1
    report = (await read(audit))["report"]
    assert report["position"] == await audit.gateway.store.sealed_log.head()
    assert [one["name"] for one in report["invariants"]] == [name.value for name in STATEMENTS]
    assert {one["name"]: one["ok"] for one in report["invariants"]}["no_gap"]


async def test_after_a_run_that_failed_the_next_one_begins_after_a_rest(
    audit: AuditHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = audit.gateway.store.database
    await read(audit)

    async def fails(_: InvariantScan) -> int:
        raise KeyError

    with monkeypatch.context() as patched:
        patched.setattr(InvariantScan, "size", fails)
        with pytest.raises(KeyError):
            await run(audit)
    assert (await read(audit))["next"]["began_at"] is None
    assert await run(audit) == 0
    await database["invariant_runs"].update_one(
        {"_id": "failed"}, {"$set": {"ended_at": datetime(2026, 1, 1, tzinfo=UTC)}}
    )
    assert await run(audit) == 1


async def test_a_violation_is_named(audit: AuditHarness) -> None:
    commits = audit.gateway.store.database["commits"]
    removed = await commits.find_one_and_delete({"_id": f"generation-{audit.generations[0]}:2"})
    await read(audit)
    await run(audit)
    report = (await read(audit))["report"]
    await commits.insert_one(removed)
    [gap] = [one for one in report["invariants"] if one["name"] == "no_gap"]
    assert not report["ok"]
    [violation] = gap["violations"]
    assert violation["id"] == removed["_id"]
    assert violation["fault"].startswith("is missing: position ")


async def test_a_client_that_prefers_to_wait_gets_a_run_that_began_after_its_request(audit: AuditHarness) -> None:
    runs = audit.gateway.store.make(InvariantRuns)
    await read(audit)
    began_before = await runs.begin()
    waiting = asyncio.create_task(read(audit, Prefer="wait=30"))
    await asyncio.sleep(0.7)
    assert not waiting.done()
    latest = await runs.latest()
    assert latest is None or began_before is None or latest.began_at <= began_before
    await until(lambda: run(audit), "the run is made")
    body = await waiting
    assert body["report"] is not None
    assert body["next"] is None


async def test_a_wait_that_is_too_short_gets_the_last_report(audit: AuditHarness) -> None:
    await read(audit)
    await run(audit)
    last = (await read(audit))["report"]
    body = await read(audit, Prefer="wait=1")
    assert body["report"] == last
    assert body["next"]["requested_at"]


async def test_runs_rest_for_nine_times_as_long_as_they_took(audit: AuditHarness) -> None:
    await read(audit)
    await run(audit)
    runs = audit.gateway.store.make(InvariantRuns)
    await read(audit)
    assert await runs.begin() is None
    await run(audit)
    assert await runs.begin() is None


async def test_staff_alone_check_invariants_and_it_is_recorded(audit: AuditHarness) -> None:
    operator = await audit.gateway.staff(Role.PLATFORM_OPERATOR)
    for headers in (audit.auditor, operator, {"X-Operator-Key": OPERATOR_KEY}):
        status, _ = await audit.gateway.get(INVARIANTS, headers)
        assert status == 200
    for headers in (audit.owners[0].token, audit.people[0].headers):
        status, body = await audit.gateway.get(INVARIANTS, headers)
        assert (status, body["code"]) == (403, "forbidden")
    assert (await audit.gateway.get(INVARIANTS, {}))[0] == 401
    await audit.seal()
    _, body = await audit.gateway.get(ACCESSES, audit.people[0].headers)
    assert {one["scope"] for one in body["accesses"]} == {"all"}
    assert len({one["reader"] for one in body["accesses"]}) == 3


async def test_an_auditor_who_logs_out_during_the_wait_gets_no_report(audit: AuditHarness) -> None:
    auditor = await audit.gateway.staff(Role.AUDITOR)
    waiting = asyncio.create_task(audit.gateway.get(INVARIANTS, {**auditor, "Prefer": "wait=2"}))
    await until(lambda: audit.gateway.dependencies.get("connections").taken, "the request waits")
    assert (await audit.gateway.call("POST", "/api/v1/auth/logout", auditor))[0] in (200, 204)
    status, body = await waiting
    assert (status, body["code"]) == (401, "invalid_credentials")


async def test_a_stopping_process_answers_those_who_wait(audit: AuditHarness) -> None:
    connections = audit.gateway.dependencies.get("connections")
    waiting = asyncio.create_task(read(audit, Prefer="wait=60"))
    await until(lambda: connections.taken, "the request waits")
    connections.drain()
    async with asyncio.timeout(10):
        await waiting
    connections._draining = False
