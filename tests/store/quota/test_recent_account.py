"""The cached account leaves out final holders before they are settled."""

import pytest

from store.quota.ledger import Bounds
from tests.builders.clock import Clock
from tests.store.quota.conftest import FREE, QuotaHarness

CLOUD = Bounds(monthly=1_000, concurrent=3)
NOVEMBER = "2026-11"


@pytest.mark.parametrize("bounds", [FREE, CLOUD])
async def test_final_holders_do_not_count_in_the_account(harness: QuotaHarness, clock: Clock, bounds: Bounds) -> None:
    """They are not settled yet, and there may be free slots beside them."""
    await harness.admit("g1", bounds)
    assert len((await harness.admission.recent_account("dev-1", bounds)).slots) == 1
    await harness.live("g1", "completed")
    clock.forward(seconds=1)
    assert len((await harness.admission.recent_account("dev-1", bounds)).slots) == 0


async def test_final_holders_do_not_count_right_after_another_hold(harness: QuotaHarness) -> None:
    for name, end in (("g1", "completed"), ("g2", "failed")):
        await harness.admit(name, CLOUD)
        await harness.live(name, end)
    await harness.admission.require_free_slot("dev-1", CLOUD)
    account = await harness.admission.recent_account("dev-1", CLOUD)
    assert (account.slots, account.used_in(NOVEMBER)) == ((), 1)
    for name, end in (("g3", "completed"), ("g4", "running")):
        await harness.admit(name, CLOUD)
        await harness.live(name, end)
    account = await harness.admission.recent_account("dev-1", CLOUD)
    assert [slot.generation for slot in account.slots] == ["g4"]
