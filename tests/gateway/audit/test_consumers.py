"""Consumers: positions that the server keeps for a reader."""

from typing import Any

import pytest

from domain.accounts.access import Role
from store.consumers.consumers import Consumers
from tests.gateway.audit.conftest import CONSUMERS, AuditHarness
from tests.systems.gateway import CAUSE

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = f"{CONSUMERS}/billing.v1"


async def call(audit: AuditHarness, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, Any]:
    return await audit.gateway.call(method, path, headers or audit.auditor, body)


async def test_a_consumer_reads_on_behind_what_it_acknowledged(audit: AuditHarness) -> None:
    assert (await call(audit, "PUT", ONE, {"position": 0}))[0] == 200
    page = await audit.page(consumer="billing.v1", limit=3)
    again = await audit.page(consumer="billing.v1", limit=3)
    assert again == page, "reading acknowledges nothing"
    status, consumer = await call(audit, "POST", f"{ONE}/acknowledge", {"position": page["continue"]["after"]})
    assert (status, consumer["position"]) == (200, 3)
    following = await audit.page(consumer="billing.v1", limit=3)
    assert following["events"] == (await audit.page(after=3, limit=3))["events"]
    status, consumer = await call(audit, "GET", ONE)
    head = await audit.gateway.store.sealed_log.head()
    assert (status, consumer["name"], consumer["behind"]) == (200, "billing.v1", head - 3)


async def test_a_late_acknowledgement_moves_nothing_back_but_a_seek_does(audit: AuditHarness) -> None:
    await call(audit, "PUT", ONE, {"position": 5})
    assert (await call(audit, "POST", f"{ONE}/acknowledge", {"position": 2}))[1]["position"] == 5
    assert (await call(audit, "PUT", ONE, {"position": 2}))[1]["position"] == 2


async def test_a_consumer_is_moved_to_a_time(audit: AuditHarness) -> None:
    await audit.add_developer()
    await audit.seal()
    newest = (await audit.page(order="backward", limit=1))["events"][0]
    status, consumer = await call(audit, "PUT", ONE, {"recorded_from": newest["recorded_at"]})
    assert status == 200
    page = await audit.page(consumer="billing.v1", limit=500)
    assert page["events"][0]["recorded_at"] == newest["recorded_at"]
    assert consumer["position"] == page["events"][0]["position"] - 1
    assert (await call(audit, "PUT", ONE, {"recorded_from": "2999-01-01T00:00:00Z"}))[1]["behind"] == 0


async def test_consumers_belong_to_their_reader(audit: AuditHarness) -> None:
    await call(audit, "PUT", ONE, {"position": 1})
    others = (await audit.gateway.staff(Role.AUDITOR), audit.owners[0].token, audit.owners[1].token)
    for other in others:
        assert (await call(audit, "GET", CONSUMERS, headers=other))[1] == {"consumers": []}
        for method, path, body in (
            ("GET", ONE, None),
            ("DELETE", ONE, None),
            ("POST", f"{ONE}/acknowledge", {"position": 1}),
        ):
            status, answer = await call(audit, method, path, body, other)
            assert (status, answer["code"]) == (404, "not_found")
        assert await audit.refusal("consumer=billing.v1", other) == (404, "not_found")
    assert (await call(audit, "GET", ONE))[1]["position"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"position": 1, "recorded_from": "2026-11-20T12:00:00Z"},
        {"position": -1},
        {"position": "1"},
        {"position": 1.5},
        {"position": True},
        {"recorded_from": "noon"},
        {"recorded_from": 5},
        [],
    ],
)
async def test_a_malformed_seek_is_refused(audit: AuditHarness, body: Any) -> None:
    status, answer = await call(audit, "PUT", ONE, body)
    assert (status, answer["code"]) == (422, "invalid_request")


async def test_a_consumer_is_not_moved_to_an_unknown_position(audit: AuditHarness) -> None:
    await call(audit, "PUT", ONE, {"position": 1})
    for method, path in (("PUT", ONE), ("POST", f"{ONE}/acknowledge")):
        status, answer = await call(audit, method, path, {"position": 10**9})
        assert (status, answer["code"]) == (422, "unknown_position")
    assert (await call(audit, "GET", ONE))[1]["position"] == 1


@pytest.mark.parametrize("name", ["A", "-a", "a" * 65, "a%20b", "%2e%2e"])
async def test_a_malformed_name_is_refused(audit: AuditHarness, name: str) -> None:
    status, answer = await call(audit, "PUT", f"{CONSUMERS}/{name}", {"position": 0})
    assert status in (404, 422)
    assert answer["code"] in ("not_found", "invalid_request")


async def test_a_reader_has_twenty_consumers_at_most(audit: AuditHarness) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    for number in range(Consumers.most):
        assert (await call(audit, "PUT", f"{CONSUMERS}/c{number}", {"position": 0}, reader))[0] == 200
    status, answer = await call(audit, "PUT", f"{CONSUMERS}/more", {"position": 0}, reader)
    assert (status, answer["code"]) == (409, "consumer_limit_exceeded")
    assert (await call(audit, "PUT", f"{CONSUMERS}/c1", {"position": 1}, reader))[0] == 200
    assert (await call(audit, "DELETE", f"{CONSUMERS}/c1", headers=reader))[0] == 204
    assert (await call(audit, "PUT", f"{CONSUMERS}/more", {"position": 0}, reader))[0] == 200


async def test_consumers_are_deleted_with_their_reader(audit: AuditHarness) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    assert (await call(audit, "PUT", ONE, {"position": 0}, reader))[0] == 200
    _, account = await audit.gateway.get("/api/v1/auth/me", reader)
    await audit.gateway.store.platform_changes.delete_staff(account["id"], cause=CAUSE)
    consumers = audit.gateway.store.database.get_collection("audit_consumers")
    assert await consumers.count_documents({"_id": {"$regex": f"^{account['id']}/"}}) == 0
