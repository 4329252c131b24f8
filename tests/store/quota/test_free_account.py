"""The decision of a dry run is that of a hold on the same state."""

from collections.abc import Awaitable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import LimitError
from events.event import Event
from store.commits.memory import MemoryEventStore
from store.quota.ledger import Bounds
from store.quota.memory_ledger import MemoryLedger
from tests.builders.clock import Clock
from tests.builders.generation import TO_COMPLETED, TO_FAILED, TO_STARTED
from tests.store.quota.test_admission import DEVELOPER, NOVEMBER, AdmissionHarness

LIMITS = st.one_of(st.none(), st.integers(1, 4))
STREAMS = st.sampled_from([(), TO_STARTED, TO_COMPLETED, TO_FAILED])


async def refusal(decision: Awaitable[object]) -> int | None:
    """Return the wait of a refusal; None for what is admitted."""
    try:
        await decision
    except LimitError as error:
        return error.retry_after
    return None


@settings(max_examples=60, deadline=None)
@given(LIMITS, LIMITS, st.lists(STREAMS, max_size=5), st.integers(0, 200))
async def test_a_dry_run_is_refused_exactly_when_a_hold_is(
    monthly: int | None, concurrent: int | None, streams: list[tuple[Event, ...]], age: int
) -> None:
    clock, bounds = Clock(datetime(2026, 11, 20, 12, 0, tzinfo=UTC)), Bounds(monthly=monthly, concurrent=concurrent)
    harness = AdmissionHarness(MemoryEventStore(), MemoryLedger(), clock)
    for number, events in enumerate(streams):
        await harness.ledger.hold(DEVELOPER, f"g{number}", period=NOVEMBER, bounds=Bounds(None, None), now=clock.now)
        if events:
            await harness.live(f"g{number}", events)
    clock.forward(seconds=age)
    tried = await refusal(harness.admission.free_account(DEVELOPER, bounds))
    before = await harness.ledger.account(DEVELOPER)
    held = await refusal(harness.hold("new", bounds))
    assert tried == held
    after = await harness.ledger.account(DEVELOPER)
    assert (after == before) is (held is not None), "what is refused holds nothing"
