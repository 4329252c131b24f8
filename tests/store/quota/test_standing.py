"""What is told of slots is true although nobody has settled yet."""

import pytest

from store.quota.ledger import Bounds
from tests.store.quota.conftest import FREE, Clock, Studio

CLOUD = Bounds(monthly=1_000, concurrent=3)
NOVEMBER = "2026-11"


@pytest.mark.parametrize("bounds", [FREE, CLOUD])
async def test_finished_holders_do_not_count_in_what_is_told(
    studio: Studio, clock: Clock, bounds: Bounds
) -> None:
    """Nobody has settled them yet, and there may be room beside them."""
    await studio.admit("g1", bounds)
    assert len((await studio.admission.recent_account("dev-1", bounds)).slots) == 1
    await studio.live("g1", "completed")
    clock.forward(seconds=1)
    assert len((await studio.admission.recent_account("dev-1", bounds)).slots) == 0


async def test_finished_holders_do_not_count_right_after_another_is_held(studio: Studio) -> None:
    for name, end in (("g1", "completed"), ("g2", "failed")):
        await studio.admit(name, CLOUD)
        await studio.live(name, end)
    await studio.admission.require_room("dev-1", CLOUD)
    told = await studio.admission.recent_account("dev-1", CLOUD)
    assert (told.slots, told.used_in(NOVEMBER)) == ((), 1)
    for name, end in (("g3", "completed"), ("g4", "running")):
        await studio.admit(name, CLOUD)
        await studio.live(name, end)
    told = await studio.admission.recent_account("dev-1", CLOUD)
    assert [slot.generation for slot in told.slots] == ["g4"]
