"""What is told of slots is true although nobody has settled yet."""

import pytest

from store.quota.ledger import Bounds
from tests.clock import Clock
from tests.store.quota.conftest import FREE, Lifecycle

CLOUD = Bounds(monthly=1_000, concurrent=3)
NOVEMBER = "2026-11"


@pytest.mark.parametrize("bounds", [FREE, CLOUD])
async def test_finished_holders_do_not_count_in_what_is_told(
    lifecycle: Lifecycle, clock: Clock, bounds: Bounds
) -> None:
    """Nobody has settled them yet, and there may be room beside them."""
    await lifecycle.admit("g1", bounds)
    assert len((await lifecycle.admission.recent_account("dev-1", bounds)).slots) == 1
    await lifecycle.run_to("g1", "completed")
    clock.forward(seconds=1)
    assert len((await lifecycle.admission.recent_account("dev-1", bounds)).slots) == 0


async def test_finished_holders_do_not_count_right_after_another_is_held(lifecycle: Lifecycle) -> None:
    for name, end in (("g1", "completed"), ("g2", "failed")):
        await lifecycle.admit(name, CLOUD)
        await lifecycle.run_to(name, end)
    await lifecycle.admission.require_room("dev-1", CLOUD)
    told = await lifecycle.admission.recent_account("dev-1", CLOUD)
    assert (told.slots, told.used_in(NOVEMBER)) == ((), 1)
    for name, end in (("g3", "completed"), ("g4", "running")):
        await lifecycle.admit(name, CLOUD)
        await lifecycle.run_to(name, end)
    told = await lifecycle.admission.recent_account("dev-1", CLOUD)
    assert [slot.generation for slot in told.slots] == ["g4"]
