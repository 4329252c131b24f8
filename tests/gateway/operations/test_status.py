"""Operators see subscribers, queues, failed work and the circuit of the provider in one answer."""

from datetime import timedelta

import pytest

from actors.providers.circuit import Circuit
from domain.accounts.access import Role
from domain.paths import OPERATIONS_STATUS
from events.catalogue import CATALOGUE
from events.envelope import RecordedEvent
from store.leases.pauses import MemoryPauses, Pause
from store.log.parking import Parked, Parking
from tests.builders.generation import VALIDATED
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_lags_failed_and_paused_is_shown(gateway: GatewayHarness) -> None:
    operator = await gateway.staff(Role.PLATFORM_OPERATOR)
    now = gateway.clock()
    parked = Parked(
        subscriber="delivery", position=1, commit="platform:1", error="KeyError", tries=2, since=now, due_at=now
    )
    await Parking(gateway.store.database).park(parked)
    failed = RecordedEvent(stream="generation-gen-1", version=2, time=now, event=VALIDATED, cause=CAUSE)
    await gateway.dependencies.get("dead_letters").record("quota", failed, "KeyError")
    await gateway.dependencies.get("pauses").begin("replicate", Pause("HTTP 402", 60))
    status, body = await gateway.get(OPERATIONS_STATUS, operator)
    assert status == 200
    assert [one["name"] for one in body["subscribers"]] == [*CATALOGUE.subscribers]
    assert {one["name"]: one["parked"] for one in body["subscribers"]}["delivery"] == body["parked"] == 1
    assert all(one["behind"] == body["position"] - one["position"] for one in body["subscribers"])
    assert [one["name"] for one in body["queues"]] == [*CATALOGUE.queues]
    assert body["provider"]["name"] == "replicate"
    assert body["provider"]["reason"] == "HTTP 402"
    assert body["provider"]["paused_until"] > (now - timedelta(days=1)).isoformat()
    assert (body["waiting"], body["dead_letters"], body["controls"]) == (0, 1, 0)


async def test_a_refused_token_is_told_while_calls_are_made(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await gateway.staff(Role.PLATFORM_OPERATOR)
    pauses = gateway.dependencies.get("pauses")
    await pauses.begin("replicate token", Pause("provider_unauthorized", 60))
    closed = MemoryPauses(lambda: 0.0)
    monkeypatch.setattr(Circuit, "open_until", lambda *_, **__: closed.current("replicate"))
    _, body = await gateway.get(OPERATIONS_STATUS, operator)
    assert body["provider"] == {"name": "replicate", "paused_until": None, "reason": "provider_unauthorized"}


async def test_only_operators_see_it(gateway: GatewayHarness) -> None:
    person, auditor = await gateway.person(), await gateway.staff(Role.AUDITOR)
    for headers in (person.headers, person.owned_project.owner.token, auditor):
        assert (await gateway.get(OPERATIONS_STATUS, headers))[0] == 403
