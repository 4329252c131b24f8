"""Histories for operators and auditors, in pages; an auditor may read the log and do nothing else."""

import pytest

from domain.accounts.access import Role
from tests.gateway.test_tenant_isolation import BODY, UNKNOWN, Route, routes_of
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = "/api/v1/generation/generations-v2"
LOGS = {
    "/api/v1/developers/{developer_id}/history",
    ONE + "/{generation_id}/history",
    "/api/v1/platform/history",
}
READER = {
    ("GET", "/api/v1/audit/events"): 200,
    ("GET", "/api/v1/audit/consumers"): 200,
    ("GET", "/api/v1/audit/consumers/{consumer}"): 404,
    ("PUT", "/api/v1/audit/consumers/{consumer}"): 422,
    ("POST", "/api/v1/audit/consumers/{consumer}/acknowledge"): 422,
    ("DELETE", "/api/v1/audit/consumers/{consumer}"): 404,
    ("GET", "/api/v1/audit/checkpoint"): 404,
    ("GET", "/api/v1/audit/consistency"): 422,
    ("GET", "/api/v1/audit/keys"): 200,
    ("GET", "/api/v1/audit/proof"): 422,
    ("GET", "/api/v1/audit/invariants"): 200,
    ("GET", "/api/v1/operations/search"): 422,
    ("GET", "/api/v1/audit/generations/{generation_id}"): 200,
    ("GET", "/api/v1/audit/generations/{generation_id}/receipt"): 409,
    ("GET", "/api/v1/audit/generations/{generation_id}/diff"): 422,
    ("GET", "/api/v1/audit/developers/{developer_id}"): 200,
    ("GET", "/api/v1/audit/developers/{developer_id}/diff"): 422,
    ("GET", "/api/v1/audit/developers/{developer_id}/quota"): 404,
    ("GET", "/api/v1/audit/developers/{developer_id}/quota/diff"): 404,
    ("GET", "/api/v1/audit/endpoints/{endpoint_id}"): 404,
    ("GET", "/api/v1/audit/endpoints/{endpoint_id}/diff"): 404,
}
"""Routes for readers of the log, with the status that they get here.

No consumer, endpoint and checkpoint exists, nothing is sealed, and the bodies are those of another route.
"""
OWN = {
    ("GET", "/api/v1/auth/me"),
    ("POST", "/api/v1/auth/password"),
    ("POST", "/api/v1/auth/logout"),
}
"""Routes for every role."""
WITHOUT_TOKEN = {
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/register"),
    ("GET", ONE + "/{generation_id}/images/{number}"),
    ("GET", ONE + "/{generation_id}/examples/{number}"),
    ("POST", "/api/v1/provider/{provider}"),
    ("GET", "/"),
    ("GET", "/openapi.json"),
    ("GET", "/asyncapi.json"),
    ("GET", "/llms.txt"),
    ("GET", "/docs"),
    ("GET", "/docs/errors"),
    ("GET", "/docs/{path}"),
    ("GET", "/console"),
    ("GET", "/console/{path}"),
    ("POST", "/console/sign-in-link"),
    ("GET", "/.well-known/webhook-keys"),
    ("GET", "/api/v1/event-types"),
    ("GET", "/api/v1/event-types/{event_type}"),
    ("GET", "/api/v1/event-types/{event_type}/schemas/{revision}"),
    ("GET", "/api/v1/event-types/{event_type}/log-schemas/{revision}"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/api/v1/health"),
    ("GET", "/api/v1/health/database"),
    ("GET", "/api/v1/health/detailed"),
    ("GET", "/api/v1/health/broker"),
    ("GET", "/api/v1/health/redis"),
    ("GET", "/api/v1/health/storage"),
}
"""Routes that are authorized by their body or a signature, not by a token."""


async def test_a_history_is_read_in_pages(gateway: GatewayHarness) -> None:
    owner, auditor = await gateway.owner(), await gateway.staff(Role.AUDITOR)
    for number in range(5):
        await gateway.changes.create_project(owner.id, name=str(number), limit=None, cause=CAUSE)
    path = f"/api/v1/developers/{owner.id}/history"
    _, whole = await gateway.get(f"{path}?limit=100", auditor)
    assert (len(whole["events"]), whole["next_cursor"], whole["limit"]) == (7, None, 100)
    pages, cursor = [], ""
    while True:
        status, page = await gateway.get(f"{path}?limit=3{cursor}", auditor)
        assert status == 200
        pages.append(page["events"])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [len(events) for events in pages] == [3, 3, 1]
    assert [event for events in pages for event in events] == whole["events"]
    status, page = await gateway.get(f"{path}?cursor=7", auditor)
    assert (status, page["events"], page["next_cursor"]) == (200, [], None)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=0", "cursor=x", "limit=1&limit=1"])
async def test_an_invalid_page_of_a_history_gets_422(gateway: GatewayHarness, query: str) -> None:
    owner, auditor = await gateway.owner(), await gateway.staff(Role.AUDITOR)
    status, body = await gateway.get(f"/api/v1/developers/{owner.id}/history?{query}", auditor)
    assert (status, body["detail"][0]["loc"]) == (422, ["query", query.partition("=")[0]])


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.PLATFORM_OPERATOR])
async def test_staff_read_every_history_without_personal_data(gateway: GatewayHarness, role: Role) -> None:
    person = await gateway.person()
    generation, reader = await gateway.completed(person), await gateway.staff(role)
    status, body = await gateway.get(f"{ONE}/{generation}/history?limit=100", reader)
    types = [event["type"] for event in body["events"]]
    assert (status, types[0], types[-1]) == (200, "generation.requested", "generation.completed")
    assert person.mark not in str(body)
    assert (await gateway.get("/api/v1/platform/history", reader))[0] == 200
    assert (await gateway.get(f"{ONE}/{UNKNOWN}/history", reader))[0] == 404
    for other in (person.headers, person.owned_project.owner.token):
        assert (await gateway.get(f"{ONE}/{generation}/history", other))[0] == 403
        assert (await gateway.get("/api/v1/platform/history", other))[0] == 403


async def test_an_auditor_reads_the_log_and_nothing_else(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner, owned_project = person.owned_project.owner, person.owned_project
    ids = {
        "developer_id": owner.id,
        "key_id": owner.key_id,
        "project_id": owned_project.id,
        "api_key_id": owned_project.key_id,
        "user_id": person.id,
        "generation_id": await gateway.completed(person),
        "endpoint_id": UNKNOWN,
        "delivery_id": UNKNOWN,
        "number": "0",
        "webhook_id": UNKNOWN,
        "consumer": "billing",
        "provider": "replicate",
        "entry": "delivery:1",
        "job_id": UNKNOWN,
        "access_key_id": UNKNOWN,
        "model": "sdxl",
        "event_type": "generation.imagined",
        "revision": "1",
        "path": "index.html",
    }
    wrong, logs = [], set()
    for route in set(routes_of(gateway)):
        if (route.method, route.path) in OWN | WITHOUT_TOKEN:
            continue
        status = await status_of(gateway, route, ids)
        if route.path in LOGS and route.method == "GET":
            logs.add(route.path)
            assert status == 200, route
        elif (route.method, route.path) in READER:
            assert status == READER[route.method, route.path], route
        elif status != 403:
            wrong.append(f"{route.method} {route.path}: {status}")
    assert not wrong, "\n".join(sorted(wrong))
    assert logs == LOGS


async def status_of(gateway: GatewayHarness, route: Route, ids: dict[str, str]) -> int:
    auditor = await gateway.staff(Role.AUDITOR)
    body = BODY if route.method in {"POST", "PUT", "PATCH"} else None
    return (await gateway.call(route.method, route.at(ids), auditor, body))[0]
