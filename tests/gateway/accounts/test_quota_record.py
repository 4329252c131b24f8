"""What `exemplar quota check --repair` puts right stands in the log before it is done."""

from datetime import timedelta
from typing import Any

import pytest

from store.accounts.quota_record import QuotaRecord
from store.errors import StoreUnavailableError
from store.quota.ledger import Account, Bounds, Correction
from store.quota.recount import Recount, RecountReport
from tests.gateway.accounts.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONTH = "2026-11"


class Dead:
    """A ledger behind which the process dies before a correction is made."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def correct(self, developer: str, correction: Correction, *, seen: Account) -> bool:
        raise StoreUnavailableError("dead")


async def mend(house: House, ledger: Any = None) -> RecountReport:
    async def at_once() -> None: ...

    recount = Recount(
        house.store.events,
        ledger or house.store.ledger,
        house.store.usage.admitted,
        clock=house.clock,
        record=QuotaRecord(house.changes),
        pause=at_once,
    )
    return await recount.run(repair_as="operator:test")


async def leak(house: House, developer: str, generation: str) -> None:
    """Hold a slot that nobody's generation has."""
    await house.store.ledger.hold(
        developer,
        generation,
        period=MONTH,
        bounds=Bounds(None, None),
        now=house.clock() - timedelta(minutes=5),
    )


async def corrections(house: House, developer: str) -> list[dict[str, Any]]:
    told = [recorded.to_cloudevent() for recorded in await house.changes.history(developer)]
    return [event for event in told if event["type"] == "developer.quota_corrected"]


async def test_a_correction_stands_in_the_log_of_the_developer(house: House) -> None:
    owner = await house.owner()
    await leak(house, owner.id, "leaked")
    report = await mend(house)
    [event] = await corrections(house, owner.id)
    assert event["actor"] == "operator:test"
    assert event["data"] == {
        "correction": report.corrections[-1],
        "reason": "recount",
        "units": [{"period": MONTH, "before": 1, "after": 0}],
        "taken": [],
        "freed": ["leaked"],
    }
    assert [made.id for made in await house.store.ledger.corrections(owner.id)] == list(report.corrections)
    assert (await house.store.ledger.account(owner.id)).used_in(MONTH) == 0


async def test_a_correction_that_a_crash_kept_from_being_made_is_recorded_once(house: House) -> None:
    owner = await house.owner()
    await leak(house, owner.id, "leaked too")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await mend(house, Dead(house.store.ledger))
    assert len(await corrections(house, owner.id)) == 1
    assert (await house.store.ledger.account(owner.id)).used_in(MONTH) == 1
    await mend(house)
    [event] = await corrections(house, owner.id)
    [made] = await house.store.ledger.corrections(owner.id)
    assert made.id == event["data"]["correction"]
    await leak(house, owner.id, "leaked too")
    await mend(house)
    assert len(await corrections(house, owner.id)) == 2, "the same fault a second time is another correction"


async def test_whom_the_log_does_not_know_is_corrected_all_the_same(house: House) -> None:
    await leak(house, "nobody", "nothing")
    await mend(house)
    assert (await house.store.ledger.account("nobody")).slots == ()
    assert await corrections(house, "nobody") == []
