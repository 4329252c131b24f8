"""Operators steer the service over HTTP, and tenants see it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from domain.accounts.access import Role
from domain.paths import CONTROLS, SUBMIT
from tests.systems.gateway_harness import ONE, GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

INCIDENT = {"reason": "incident", "case": "INC-7"}
END = "2999-01-01T00:00:00Z"


@pytest_asyncio.fixture(loop_scope="module")
async def operator(gateway: GatewayHarness) -> AsyncIterator[dict[str, str]]:
    """An operator, who lifts every control in the end."""
    headers = await gateway.staff(Role.PLATFORM_OPERATOR)
    yield headers
    _, body = await gateway.get(CONTROLS, headers)
    for one in body["controls"]:
        await gateway.call("DELETE", path_of(one["kind"], one["subject"]), headers)


def path_of(kind: str, subject: str | None = None) -> str:
    names = {"queue_cap": "queue", "provider": "providers", "developer": "developers", "project": "projects"}
    return f"{CONTROLS}/{names.get(kind, kind)}" + (f"/{subject}" if subject else "")


async def submit(gateway: GatewayHarness, person: Person) -> tuple[int, dict[str, Any], str | None]:
    answer = await gateway.client.post(SUBMIT, data=gateway.form(person), headers=person.headers)
    return answer.status, await answer.json(), answer.headers.get("Retry-After")


async def explained(gateway: GatewayHarness, person: Person, generation: str) -> Any:
    status, body = await gateway.get(f"{ONE}/{generation}/explain", person.headers)
    assert status == 200, body
    return body


async def test_maintenance_refuses_submissions_and_reads_go_on(
    gateway: GatewayHarness, operator: dict[str, str]
) -> None:
    person = await gateway.person()
    generation = await gateway.submit(person)
    status, applied = await gateway.call("PUT", path_of("maintenance"), operator, {**INCIDENT, "expected_end": END})
    assert (status, applied["submissions"], applied["expected_end"]) == (200, "refuse", "2999-01-01T00:00:00.000000Z")
    status, body, retry_after = await submit(gateway, person)
    assert (status, body["code"], body["retry_after"], retry_after) == (503, "maintenance", 3600, "3600")
    status, _ = await gateway.get(f"{ONE}/{generation}", person.headers)
    assert status == 200
    [seen] = (await explained(gateway, person, generation))["controls"]
    assert (seen["kind"], seen["holds"]) == ("maintenance", False)
    assert await gateway.call("DELETE", path_of("maintenance"), operator) == (204, b"")
    assert (await submit(gateway, person))[0] == 202


async def test_maintenance_may_let_submissions_wait(gateway: GatewayHarness, operator: dict[str, str]) -> None:
    person = await gateway.person()
    wanted = {**INCIDENT, "submissions": "queue", "expected_end": END}
    await gateway.call("PUT", path_of("maintenance"), operator, wanted)
    status, body, _ = await submit(gateway, person)
    assert status == 202
    assert "held" in [one["code"] for one in body["warnings"]]
    found = (await gateway.get(f"{ONE}/{body['id']}", person.headers))[1]
    created, queue = found["created_at"], found["queue"]
    assert (queue["possible"], queue["reason"], queue["estimated_start"]) == (False, "maintenance", None)
    assert body["deadline"][:10] > created[:10], "the deadlines count from the expected end, a day ahead at most"


async def test_a_paused_project_waits_and_its_neighbour_does_not(
    gateway: GatewayHarness, operator: dict[str, str]
) -> None:
    person = await gateway.person()
    neighbour = await gateway.person(await gateway.owned_project(person.owned_project.owner))
    await gateway.call("PUT", path_of("project", person.owned_project.id), operator, INCIDENT)
    generation, others = await gateway.submit(person), await gateway.submit(neighbour)
    assert await gateway.reserve(generation)
    assert await gateway.reserve(others)
    body = await explained(gateway, person, generation)
    assert (body["reason"], body["next_try_at"]) == ("paused", None)
    assert "the operator has paused this project" in body["sentence"]
    assert "reason" not in body["controls"][0]
    queue = (await gateway.get(f"{ONE}/{generation}", person.headers))[1]["queue"]
    assert (queue["possible"], queue["reason"], queue["estimated_start"]) == (False, "paused", None)
    assert (await gateway.get(f"{ONE}/{others}/status", neighbour.headers))[1]["queue"]["possible"]
    assert (await explained(gateway, neighbour, others))["reason"] == "claim"


async def test_slots_that_a_control_holds_are_not_expected_back_soon(
    gateway: GatewayHarness, operator: dict[str, str]
) -> None:
    person = await gateway.person(await gateway.owned_project(await gateway.owner("free_starter")))
    neighbour = await gateway.person(await gateway.owned_project(person.owned_project.owner))
    generation = await gateway.submit(person)
    _, body, before = await submit(gateway, neighbour)
    assert (body["code"], body["reason"], before) == ("generation_limit_exceeded", "slots", "30")
    await gateway.call("PUT", path_of("project", person.owned_project.id), operator, INCIDENT)
    assert (await submit(gateway, neighbour))[2] == "60"
    assert await gateway.reserve(generation)
    await gateway.call("PUT", path_of("project", person.owned_project.id), operator, {**INCIDENT, "expected_end": END})
    assert (await submit(gateway, neighbour))[2] == "3600"


@pytest.mark.parametrize(("kind", "code"), [("provider", "provider_stopped"), ("developer", "paused")])
async def test_a_stop_may_refuse_submissions(
    gateway: GatewayHarness, operator: dict[str, str], kind: str, code: str
) -> None:
    person = await gateway.person()
    subject = "replicate" if kind == "provider" else person.owned_project.owner.id
    await gateway.call("PUT", path_of(kind, subject), operator, {**INCIDENT, "submissions": "refuse"})
    status, body, retry_after = await submit(gateway, person)
    assert (status, body["code"], retry_after) == (503, code, "60")
    form = gateway.form(person)
    tried = await gateway.client.post(f"{SUBMIT}?dry_run=true", data=form, headers=person.headers)
    assert (tried.status, (await tried.json())["code"]) == (503, code)


async def test_a_recorded_submission_is_answered_again_whatever_is_refused(
    gateway: GatewayHarness, operator: dict[str, str]
) -> None:
    person = await gateway.person()
    headers = {**person.headers, "Idempotency-Key": "once"}
    assert (await gateway.client.post(SUBMIT, data=gateway.form(person), headers=headers)).status == 202
    await gateway.call("PUT", path_of("maintenance"), operator, INCIDENT)
    replayed = await gateway.client.post(SUBMIT, data=gateway.form(person), headers=headers)
    assert (replayed.status, replayed.headers["Idempotency-Replayed"]) == (202, "true")
    headers["Idempotency-Key"] = "another"
    assert (await gateway.client.post(SUBMIT, data=gateway.form(person), headers=headers)).status == 503


async def test_the_queue_has_a_longest_length(gateway: GatewayHarness, operator: dict[str, str]) -> None:
    person = await gateway.person()
    waiting = await gateway.dependencies.get("queue").waiting(1_000)
    await gateway.call("PUT", path_of("queue_cap"), operator, {"limit": waiting + 2, "reason": "cost"})
    answers = [await submit(gateway, person) for _ in range(4)]
    assert [status for status, _, _ in answers] == [202, 202, 503, 503]
    assert (answers[-1][1]["code"], answers[-1][2]) == ("queue_full", "5")


async def test_each_change_is_an_event_and_a_repetition_is_none(
    gateway: GatewayHarness, operator: dict[str, str]
) -> None:
    project = await gateway.owned_project(await gateway.owner())
    path = path_of("project", project.id)
    for method, body in (("PUT", INCIDENT), ("PUT", INCIDENT), ("DELETE", None), ("DELETE", None)):
        assert (await gateway.call(method, path, operator, body))[0] in (200, 204)
    commits = await gateway.store.events.read("controls")
    events = [event for commit in commits for event in commit.events if event.event.subject == project.id]  # type: ignore[attr-defined]
    assert [event.type for event in events] == ["control.applied", "control.lifted"]
    assert events[0].cause.actor.startswith("staff:") or events[0].cause.actor.startswith("operator")
    assert events[0].event.developer == project.owner.id  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("maintenance", {}, 422),
        ("maintenance", {"reason": "because"}, 422),
        ("maintenance", {**INCIDENT, "case": "Mrs Smith"}, 422),
        ("maintenance", {**INCIDENT, "submission": "queue"}, 422),
        ("maintenance", {**INCIDENT, "expected_end": "2020-01-01T00:00:00Z"}, 422),
        ("queue", {"limit": -1, "reason": "cost"}, 422),
        ("providers/other", INCIDENT, 404),
        ("projects/00000000-0000-4000-8000-000000000000", INCIDENT, 404),
        ("developers/nobody", INCIDENT, 404),
    ],
)
async def test_what_is_malformed_or_unknown_is_refused(
    gateway: GatewayHarness, operator: dict[str, str], path: str, body: Any, status: int
) -> None:
    assert (await gateway.call("PUT", f"{CONTROLS}/{path}", operator, body))[0] == status
    assert (await gateway.get(CONTROLS, operator))[1] == {"controls": []}


async def test_only_operators_steer(gateway: GatewayHarness) -> None:
    person, auditor = await gateway.person(), await gateway.staff(Role.AUDITOR)
    for headers in (person.headers, person.owned_project.owner.token, auditor):
        assert (await gateway.call("PUT", path_of("maintenance"), headers, INCIDENT))[0] == 403
        assert (await gateway.get(CONTROLS, headers))[0] == 403
