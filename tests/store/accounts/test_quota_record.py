"""`exemplar quota check --repair` records a correction in the log before it corrects the ledger."""

from datetime import timedelta
from typing import Any

import pytest

from store.accounts.quota_record import QuotaRecord
from store.errors import StoreUnavailableError
from store.quota.ledger import Account, Bounds, Correction
from store.quota.recount import Recount, RecountReport
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONTH = "2026-11"


class FailingLedger:
    """A ledger whose process ends before a correction is written."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def correct(self, developer: str, correction: Correction, *, seen: Account) -> bool:
        raise StoreUnavailableError("dead")


async def repair(gateway: GatewayHarness, ledger: Any = None) -> RecountReport:
    async def at_once() -> None: ...

    recount = Recount(
        gateway.store.events,
        ledger or gateway.store.ledger,
        gateway.store.usage.admitted,
        clock=gateway.clock,
        record=QuotaRecord(gateway.changes),
        pause=at_once,
    )
    return await recount.run(repair_as="operator:test")


async def leak(gateway: GatewayHarness, developer: str, generation: str) -> None:
    """Hold a slot for a generation that does not exist."""
    await gateway.store.ledger.hold(
        developer,
        generation,
        period=MONTH,
        bounds=Bounds(None, None),
        now=gateway.clock() - timedelta(minutes=5),
    )


async def corrections(gateway: GatewayHarness, developer: str) -> list[dict[str, Any]]:
    events = [recorded.to_cloudevent() for recorded in await gateway.changes.history(developer)]
    return [event for event in events if event["type"] == "developer.quota_corrected"]


async def test_a_correction_is_recorded_in_the_stream_of_the_developer(gateway: GatewayHarness) -> None:
    owner = await gateway.owner()
    await leak(gateway, owner.id, "leaked")
    report = await repair(gateway)
    [event] = await corrections(gateway, owner.id)
    assert event["actor"] == "operator:test"
    assert event["data"] == {
        "correction": report.corrections[-1],
        "reason": "recount",
        "units": [{"period": MONTH, "before": 1, "after": 0}],
        "taken": [],
        "freed": ["leaked"],
    }
    assert [made.id for made in await gateway.store.ledger.corrections(owner.id)] == list(report.corrections)
    assert (await gateway.store.ledger.account(owner.id)).used_in(MONTH) == 0


async def test_a_correction_interrupted_by_a_crash_is_recorded_once(
    gateway: GatewayHarness,
) -> None:
    owner = await gateway.owner()
    await leak(gateway, owner.id, "leaked too")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await repair(gateway, FailingLedger(gateway.store.ledger))
    assert len(await corrections(gateway, owner.id)) == 1
    assert (await gateway.store.ledger.account(owner.id)).used_in(MONTH) == 1
    await repair(gateway)
    [event] = await corrections(gateway, owner.id)
    [made] = await gateway.store.ledger.corrections(owner.id)
    assert made.id == event["data"]["correction"]
    await leak(gateway, owner.id, "leaked too")
    await repair(gateway)
    assert len(await corrections(gateway, owner.id)) == 2, "the same fault a second time is another correction"


async def test_a_ledger_of_an_unknown_developer_is_corrected_without_a_record(
    gateway: GatewayHarness,
) -> None:
    await leak(gateway, "nobody", "nothing")
    await repair(gateway)
    assert (await gateway.store.ledger.account("nobody")).slots == ()
    assert await corrections(gateway, "nobody") == []
