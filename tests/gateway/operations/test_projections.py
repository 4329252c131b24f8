"""Operators see drift and rebuilds, and ask for them."""

import pytest

from domain.accounts.access import Role
from domain.audit.invariants import Invariant
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
        for name in ("drift", "rebuild"):
            assert (await gateway.call("POST", f"{PROJECTIONS}/{name}", headers))[0] == 403


async def test_drift_is_what_differs_between_derived_data_and_the_log(gateway: GatewayHarness) -> None:
    operator = await gateway.staff(Role.PLATFORM_OPERATOR)
    broken = {Invariant.STATE: 2, Invariant.QUOTA: 0, Invariant.SUMS: 3, Invariant.NO_GAP: 7}
    rest = {"statement": "s", "checked": 9, "violations": [], "notes": []}
    found = [{"name": name.value, "broken": count, "ok": not count, **rest} for name, count in broken.items()]
    report = {"began_at": gateway.clock(), "report": {"position": 12, "invariants": found}}
    runs = gateway.store.database["invariant_runs"]
    await runs.insert_one({"_id": "latest", "ended_at": gateway.clock(), **report})
    shown = (await gateway.get(PROJECTIONS, operator))[1]["drift"]["report"]
    await runs.delete_one({"_id": "latest"})
    assert (shown["position"], shown["drift"]) == (12, 5)
    assert [one["name"] for one in shown["compared"]] == [name.value for name in broken][:3]
