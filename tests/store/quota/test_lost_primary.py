"""A hold that only a lost primary had is taken again before the log says that it is held."""

from collections.abc import Sequence
from typing import Any

from domain.generation.generation import stream_of
from store.commits.memory import MemoryEventStore
from store.quota.ledger import Account, Slot
from store.quota.memory_ledger import MemoryLedger
from tests.builders.clock import Clock
from tests.builders.generation import VALIDATED
from tests.store.quota.conftest import BY_TEST, FREE, QuotaHarness
from tests.store.quota.test_holds import run_quota


class FailingOverLedger(MemoryLedger):
    """A ledger whose primary is cut off: reads still show its holds, until the one that replaces it lacks them."""

    def __init__(self) -> None:
        super().__init__()
        self.cut_off, self.replaced = MemoryLedger(), MemoryLedger()

    async def hold(self, developer: str, generation: str, *, durable: bool = False, **more: Any) -> Slot | None:
        ledger = self.replaced if durable else self.cut_off
        return await ledger.hold(developer, generation, **more)

    async def account(self, developer: str, *, only: Sequence[str] | None = None, durable: bool = False) -> Account:
        ledger = self.replaced if durable else self.cut_off
        return await ledger.account(developer, only=only)


async def test_a_hold_that_a_majority_lacks_is_taken_again_before_it_is_recorded(clock: Clock) -> None:
    ledger = FailingOverLedger()
    harness = QuotaHarness(MemoryEventStore(), ledger, clock)
    generation = await harness.admit("g1", FREE)
    await harness.events.append(stream_of("g1"), generation.version, [VALIDATED], cause=BY_TEST, time=clock())
    await run_quota(harness, generation)
    reserved = await harness.generations.load("g1")
    kept = (await ledger.replaced.account("dev-1")).slot_of("g1")
    assert reserved is not None
    assert kept is not None
    assert (reserved.quota, reserved.hold) == ("held", kept.hold)
