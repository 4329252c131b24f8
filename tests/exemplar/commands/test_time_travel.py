"""`exemplar audit at` and `diff` beside a log that is written and sealed."""

import json

import pytest
import pytest_asyncio

from events.developer import DeveloperRegistered, DeveloperTierChanged
from events.envelope import Cause
from events.event import Event
from events.generation import Owner
from tests.builders.generation import COMPLETED, ID, RESERVED, VALIDATED, intended, requested, settled, started
from tests.exemplar.commands.audit_command import Run
from tests.store.audit.conftest import AuditHarness

DEVELOPER = "dev-1"


@pytest_asyncio.fixture
async def written(audit_log: AuditHarness) -> AuditHarness:
    """Write a developer, and a generation of three commits; one commit a position."""
    owner = Owner(developer=DEVELOPER, project="prj-1", user="usr-1")
    developer, generation = f"developer-{DEVELOPER}", f"generation-{ID}"
    commits: list[tuple[str, int, list[Event]]] = [
        (developer, 0, [DeveloperRegistered(tier="free_starter")]),
        (generation, 0, [requested(owner=owner)]),
        (generation, 1, [VALIDATED, RESERVED, intended(), started()]),
        (developer, 1, [DeveloperTierChanged(previous="free_starter", tier="internal")]),
        (generation, 5, [settled(), COMPLETED]),
    ]
    for stream, version, events in commits:
        cause = Cause(actor="actor:test")
        await audit_log.store.events.append(stream, version, events, cause=cause, time=audit_log.tick())
        await audit_log.seal()
    return audit_log


async def test_at_prints_who_held_the_slots(written: AuditHarness, run: Run) -> None:
    answer = await run("at", "quota", DEVELOPER, "3", "--json")
    assert answer.returncode == 0, answer.stderr
    body = json.loads(answer.stdout)
    assert body["state"]["limits"] == {"monthly": 100, "concurrent": 1}
    assert [slot["user"] for slot in body["state"]["slots"]] == ["usr-1"]
    text = (await run("at", "quota", DEVELOPER)).stdout
    assert text.startswith(f"quota {DEVELOPER} as of position 5, recorded ")
    assert "slots    []" in text
    text = (await run("at", "generation", ID, "5")).stdout
    assert text.startswith(f"generation {ID} as of version 5, position 3, recorded ")
    assert "started" in text
    assert "did not exist" in (await run("at", "developer", DEVELOPER, "2020-01-01T00:00:00Z")).stdout


async def test_diff_prints_the_changes_and_their_causes(written: AuditHarness, run: Run) -> None:
    text = (await run("diff", "quota", DEVELOPER, "3")).stdout
    lines = [line.split() for line in text.splitlines() if line]
    assert ["tier", "free_starter", "internal"] in lines
    assert [line[1] for line in lines if line[0].startswith((f"developer-{DEVELOPER}:", f"generation-{ID}:"))] == [
        "developer.tier_changed",
        "generation.completed",
    ]
    body = json.loads((await run("diff", "developer", DEVELOPER, "1", "2", "--json")).stdout)
    assert body["changes"] == {"tier": {"from": "free_starter", "to": "internal"}}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("at", "generation", "nobody"), "not_found"),
        (("at", "quota", "nobody"), "not_found"),
        (("at", "quota", DEVELOPER, "6"), "unknown_position"),
        (("at", "developer", DEVELOPER, "2999-01-01T00:00:00Z"), "unknown_position"),
        (("diff", "developer", DEVELOPER, "2", "1"), "invalid_request"),
    ],
)
async def test_what_cannot_be_shown_ends_with_exit_code_1(
    written: AuditHarness, run: Run, arguments: tuple[str, ...], code: str
) -> None:
    answer = await run(*arguments, "--json")
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["code"] == code
    assert (await run(*arguments)).stderr


async def test_a_malformed_point_is_refused_with_what_is_expected(written: AuditHarness, run: Run) -> None:
    answer = await run("at", "quota", DEVELOPER, "yesterday")
    assert answer.returncode == 2
    assert "yesterday: must be a version" in answer.stderr
