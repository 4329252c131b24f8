"""`exemplar audit invariants`, as an auditor runs it."""

import json

from domain.audit.invariants import STATEMENTS
from tests.exemplar.commands.audit_command import Run
from tests.store.audit.conftest import AuditHarness


async def test_a_log_in_which_all_invariants_hold_ends_with_exit_code_0(audit_log: AuditHarness, run: Run) -> None:
    await audit_log.fill()
    await audit_log.sign()
    result = await run("invariants")
    assert result.returncode == 0, result.stdout
    assert result.stdout.startswith("11 events in 3 streams, sealed up to position 9\n")
    assert "no_gap: holds, 18 checked. Every stream has each version" in result.stdout
    assert "9 of 18 commits and positions checked" in result.stderr


async def test_a_broken_invariant_ends_with_exit_code_1(audit_log: AuditHarness, run: Run) -> None:
    await audit_log.fill()
    await audit_log.sign()
    await audit_log.database["commits"].delete_one({"_id": "b:2"})
    result = await run("invariants")
    assert result.returncode == 1
    assert "no_gap: BROKEN 2 times" in result.stdout
    assert "\n  b:2: is missing\n" in result.stdout
    answer = await run("invariants", "--json")
    assert answer.returncode == 1
    report = json.loads(answer.stdout)
    assert (report["ok"], [one["name"] for one in report["invariants"]]) == (False, [*STATEMENTS])
    assert {"id": "b:2", "fault": "is missing"} in report["invariants"][0]["violations"]
