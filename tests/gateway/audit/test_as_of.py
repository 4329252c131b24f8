"""Generations, endpoints, developers and quotas as of a point, over HTTP."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from domain.accounts.access import Role
from domain.generation import decisions
from tests.gateway.audit.conftest import ACCESSES, AuditHarness
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import ONE, Owner

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/audit"
MALFORMED = ["", "x", "-1", "1.5", "%2B1", "9" * 16, "2026-11-14", "2026-11-14T10:02:00", "2026-13-14T10:02:00Z"]


async def ask(audit: AuditHarness, path: str, headers: dict[str, str], **query: Any) -> Any:
    status, body = await audit.gateway.get(f"{BASE}/{path}?{urlencode(query)}", headers)
    assert status == 200, body
    return body


async def endpoint_of(audit: AuditHarness, owner: Owner, project: str) -> str:
    path, sent = f"/api/v1/projects/{project}/webhooks", {"url": "https://example.com/hook"}
    status, body = await audit.gateway.call("POST", path, owner.token, sent)
    assert status == 201, body
    return str(body["id"])


async def test_who_held_the_slots_at_a_moment_is_one_request(audit: AuditHarness) -> None:
    person = await audit.gateway.person()
    owner = person.owned_project.owner
    running = await audit.gateway.submit(person)
    await audit.seal()
    [requested] = await audit.all(generation_id=running)
    await audit.gateway.complete(running)
    await audit.seal()
    month = str(requested["occurred_at"])[:7]
    path = f"developers/{owner.id}/quota"
    then = await ask(audit, path, owner.token, as_of=requested["recorded_at"])
    assert then["as_of"]["recorded_at"] == requested["recorded_at"]
    assert then["state"]["used"] == {month: 1}
    [slot] = then["state"]["slots"]
    assert (slot["generation"], slot["user"]) == (running, person.id)
    assert (slot["project"], slot["since"]) == (person.owned_project.id, requested["occurred_at"])
    now = await ask(audit, path, owner.token)
    assert (now["state"]["used"], now["state"]["slots"], now["state"]["tier"]) == ({month: 1}, [], "internal")
    changed = await ask(audit, f"{path}/diff", owner.token, since=requested["recorded_at"])
    assert changed["changes"]["slots"] == {"from": [slot], "to": []}
    named = {cause["type"]: cause["changed"] for cause in changed["events"]}
    assert named["generation.completed"] == ["slots"]
    assert set(named) <= {"generation.completed", "generation.quota_reserved"}


async def test_a_generation_is_shown_as_of_a_version_and_a_moment(audit: AuditHarness) -> None:
    generation, owner = audit.generations[0], audit.owners[0]
    path = f"generations/{generation}"
    events = await audit.all(generation_id=generation)
    first = await ask(audit, path, owner.token, as_of=1)
    assert (first["as_of"]["version"], first["state"]["state"], first["state"]["pictures"]) == (1, "requested", [])
    assert first["as_of"]["position"] == events[0]["position"]
    last = await ask(audit, path, owner.token, as_of=events[-1]["recorded_at"])
    assert last == await ask(audit, path, owner.token)
    assert (last["as_of"]["version"], last["state"]["state"]) == (7, "completed")
    assert (await ask(audit, path, owner.token, as_of=0))["state"] is None
    assert (await ask(audit, path, owner.token, as_of="2020-01-01T00:00:00Z"))["state"] is None
    changed = await ask(audit, f"{path}/diff", owner.token, since=1, as_of=2)
    assert [(cause["id"], cause["type"]) for cause in changed["events"]] == [
        (f"generation-{generation}:2", "generation.validated")
    ]
    assert changed["changes"]["state"] == {"from": "requested", "to": "validated"}


async def test_erased_data_are_shown_as_erased_at_every_point(audit: AuditHarness) -> None:
    person = await audit.gateway.person()
    owner, generation = person.owned_project.owner, await audit.gateway.completed(person)
    path = f"generations/{generation}"
    before = await ask(audit, path, owner.token, as_of=7)
    assert (before["state"]["personal_data"], before["state"]["erased"]) == ("masked", False)
    await audit.gateway.generations.decide(generation, decisions.erase, cause=CAUSE)
    then = await ask(audit, path, owner.token, as_of=7)
    assert (then["state"]["personal_data"], then["state"]["erased"]) == ("erased", False)
    assert {one["content"] for one in (*then["state"]["pictures"], *then["state"]["examples"])} == {"erased"}
    assert (await ask(audit, path, owner.token))["state"]["erased"] is True
    [cause] = (await ask(audit, f"{path}/diff", owner.token, since=7))["events"]
    assert (cause["type"], cause["changed"]) == ("generation.erased", ["erased"])


async def test_developers_and_endpoints_are_shown_as_of_a_version(audit: AuditHarness) -> None:
    person = await audit.gateway.person()
    owner, project = person.owned_project.owner, person.owned_project.id
    endpoint = await endpoint_of(audit, owner, project)
    path = f"/api/v1/projects/{project}/webhooks/{endpoint}"
    assert (await audit.gateway.call("DELETE", path, owner.token))[0] == 204
    begun = await ask(audit, f"endpoints/{endpoint}", owner.token, as_of=1)
    assert (begun["state"]["removed"], begun["state"]["url"]["content"]) == (False, "erased")
    [removal] = (await ask(audit, f"endpoints/{endpoint}/diff", owner.token, since=1))["events"]
    assert (removal["type"], removal["changed"]) == ("webhook.removed", ["removed"])
    account = f"developers/{owner.id}"
    begun = await ask(audit, account, owner.token, as_of=1)
    assert begun["state"] == {"tier": "internal", "projects": [], "keys": []}
    now = (await ask(audit, account, owner.token))["state"]
    assert now["projects"] == [{"id": project, "content": "masked"}]
    assert {key["id"] for key in now["keys"]} == {owner.key_id, person.owned_project.key_id}
    changed = await ask(audit, f"{account}/diff", owner.token, since=1)
    causes = [cause["type"] for cause in changed["events"]]
    assert causes == ["developer.key_created", "developer.project_created", "developer.key_created"]


async def test_staff_are_recorded_and_others_find_nothing(audit: AuditHarness) -> None:
    person, stranger = audit.people[0], audit.owners[1]
    owner, reader = person.owned_project.owner, await audit.gateway.staff(Role.AUDITOR)
    endpoint = await endpoint_of(audit, owner, person.owned_project.id)
    paths = [f"generations/{audit.generations[0]}", f"endpoints/{endpoint}", f"developers/{owner.id}"]
    paths += [f"developers/{owner.id}/quota"]
    for path in [*paths, *(f"{path}/diff" for path in paths)]:
        query = "?since=1" if path.endswith("diff") else ""
        assert await refusal(audit, f"{path}{query}", stranger.token) == (404, "not_found")
        assert await refusal(audit, f"{path}{query}", person.token) == (403, "forbidden")
        assert (await audit.gateway.get(f"{BASE}/{path}{query}", reader))[0] == 200
    await audit.seal()
    _, body = await audit.gateway.get(f"{ACCESSES}?limit=3", owner.token)
    _, me = await audit.gateway.get("/api/v1/auth/me", reader)
    assert {one["reader"] for one in body["accesses"]} == {f"auditor:{me['id']}"}
    assert [one["scope"] for one in body["accesses"]] == ["developer", "project", "user"]
    assert body["accesses"][2]["generation"] == audit.generations[0]


async def refusal(audit: AuditHarness, path: str, headers: dict[str, str]) -> tuple[int, str]:
    status, body = await audit.gateway.get(f"{BASE}/{path}", headers)
    return status, body["code"]


async def test_malformed_and_unknown_points_and_ids_are_refused(audit: AuditHarness) -> None:
    developer = audit.owners[0].id
    for path in (f"generations/{audit.generations[0]}", f"developers/{developer}", f"developers/{developer}/quota"):
        for point in MALFORMED:
            assert await refusal(audit, f"{path}?as_of={point}", audit.auditor) == (422, "invalid_request"), point
            assert await refusal(audit, f"{path}/diff?since={point}", audit.auditor) == (422, "invalid_request"), point
        assert await refusal(audit, f"{path}/diff", audit.auditor) == (422, "invalid_request")
        assert await refusal(audit, f"{path}/diff?since=1&as_of=0", audit.auditor) == (422, "invalid_request")
        for point in ("999999999", "2999-01-01T00:00:00Z"):
            assert await refusal(audit, f"{path}?as_of={point}", audit.auditor) == (422, "unknown_position")
    for path in (f"generations/{uuid4()}", f"endpoints/{uuid4()}", f"developers/{uuid4()}", "generations/7"):
        assert await refusal(audit, path, audit.auditor) == (404, "not_found")
    assert await refusal(audit, f"developers/{uuid4()}/quota", audit.auditor) == (404, "not_found")
    assert (await audit.gateway.get(f"{ONE}/{audit.generations[0]}", audit.people[0].token))[0] == 200
