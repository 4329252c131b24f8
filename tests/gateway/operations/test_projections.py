"""Operators see drift and rebuilds, and ask for them."""

import pytest

from domain.accounts.access import Role
from domain.paths import PROJECTIONS
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_rebuild_is_asked_for_by_an_event(gateway: GatewayHarness) -> None:
    operator = await gateway.staff(Role.PLATFORM_OPERATOR)
    status, body = await gateway.get(PROJECTIONS, operator)
    nothing = {"report": None, "next": None}
    assert (status, body) == (200, {"drift": nothing, "rebuild": nothing})
    for name in ("drift", "rebuild"):
        status, asked = await gateway.call("POST", f"{PROJECTIONS}/{name}", operator)
        assert status == 202
        _, body = await gateway.get(PROJECTIONS, operator)
        assert body[name]["next"]["requested_at"] == asked["requested_at"]
        assert body[name]["next"]["began_at"] is None
    types = await gateway.store.database["commits"].distinct("types", {"stream": {"$regex": "^operation-"}})
    assert types == ["operation.rebuild_requested"]


async def test_only_operators_ask(gateway: GatewayHarness) -> None:
    person, auditor = await gateway.person(), await gateway.staff(Role.AUDITOR)
    for headers in (person.headers, person.owned_project.owner.token, auditor):
        assert (await gateway.get(PROJECTIONS, headers))[0] == 403
        assert (await gateway.call("POST", f"{PROJECTIONS}/rebuild", headers))[0] == 403
