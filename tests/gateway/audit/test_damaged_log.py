"""A damaged event is a fault of the store in every answer, never one of the request."""

import pytest
from bson import Binary

from tests.gateway.audit.conftest import AuditHarness
from tests.systems.gateway_harness import ONE, GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODIES = {"cut off": b'[{"specversion"', "no events": b"[]", "other events": b'[{"a": 1}]', "no text": b"\xff\xfe"}


async def answers(gateway: GatewayHarness, audit: AuditHarness) -> dict[str, tuple[int, str]]:
    person = await gateway.person()
    generation = await gateway.completed(person)
    audited = f"/api/v1/audit/generations/{generation}"
    paths = {
        audited: audit.auditor,
        f"{audited}/diff?since=1": audit.auditor,
        f"{audited}/receipt": audit.auditor,
        f"{ONE}/{generation}/events": person.token,
        f"{ONE}/{generation}/receipt": person.token,
    }
    commits = gateway.store.database["commits"]
    found = {}
    for what, body in BODIES.items():
        await commits.update_one({"_id": f"generation-{generation}:2"}, {"$set": {"body": Binary(body)}})
        for path, headers in paths.items():
            status, answer = await gateway.get(path, headers)
            found[f"{what}: {path.replace(generation, 'ID')}"] = status, answer["code"]
    return found


async def test_no_answer_blames_the_request(gateway: GatewayHarness, audit: AuditHarness) -> None:
    found = await answers(gateway, audit)
    assert {name: answer for name, answer in found.items() if answer != (500, "damaged")} == {}
