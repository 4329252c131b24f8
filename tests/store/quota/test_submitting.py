"""The hold of a submission while personal data and pictures are stored."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from domain.accounts.access import Identity
from domain.accounts.tiers import TIERS
from domain.controls.controls import Target
from domain.errors import ErrorCode, LimitError
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import Price
from events.commit import Commit
from gateway.moderation.input_moderation import InputModeration
from gateway.submissions.content import Content
from gateway.submissions.gate import SubmissionGate
from gateway.submissions.recorder import RENEW_HOLD_AFTER, SubmissionRecorder
from gateway.submissions.submission import Submission
from store.commits.memory import MemoryEventStore
from store.controls.current import CurrentControls
from store.errors import OutcomeUnknownError
from store.generations.memory_blobs import MemoryBlobs
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.personal_data import PersonalData
from store.generations.queue import Queue
from store.quota.ledger import Account, Bounds
from store.quota.memory_ledger import MemoryLedger
from tests.builders.clock import Clock
from tests.builders.controls import FixedControls, control
from tests.store.quota.conftest import QuotaHarness

IDENTITY = Identity("usr-1", "prj-1", "dev-1", TIERS["free_starter"])
NOTHING = Content((), '{"prompt": "a walrus"}')


class SlowPersonalData(MemoryPersonalData):
    """Personal data that are stored slowly while the sweep of holds runs."""

    def __init__(self, harness: QuotaHarness, clock: Clock, takes: timedelta) -> None:
        super().__init__()
        self.harness, self.clock, self.takes = harness, clock, takes
        self.swept = 0

    async def put(self, personal_data: PersonalData) -> None:
        await super().put(personal_data)
        self.clock.now += self.takes
        self.swept += await self.harness.admission.sweep(older_than=self.clock.now - timedelta(minutes=2))


@pytest.fixture
def harness(clock: Clock) -> QuotaHarness:
    return QuotaHarness(MemoryEventStore(), MemoryLedger(), clock)


def recorder_of(harness: QuotaHarness, personal_data: MemoryPersonalData) -> SubmissionRecorder:
    return SubmissionRecorder(
        generations=harness.generations,
        personal_data=personal_data,
        blobs=MemoryBlobs(),
        admission=harness.admission,
        submission_gate=SubmissionGate(
            current_controls=cast("CurrentControls", FixedControls()),
            queue=cast("Queue", None),
            provider_name="replicate",
            clock=harness.clock,
        ),
        input_moderation=InputModeration(),
        timeouts=Timeouts(),
        price=Price(0.001),
        clock=harness.clock,
    )


@pytest.mark.parametrize("minutes", [0.1, 1.5, 3, 30])
async def test_the_hold_is_renewed_when_storing_takes_long(harness: QuotaHarness, clock: Clock, minutes: float) -> None:
    personal_data = SlowPersonalData(harness, clock, timedelta(minutes=minutes))
    recorded = await recorder_of(harness, personal_data).record(Submission(IDENTITY, "g1", None, "r1"), NOTHING)
    assert not recorded.replayed
    account = await harness.ledger.account("dev-1")
    [slot] = account.slots
    assert clock.now - slot.since <= RENEW_HOLD_AFTER
    assert account.used_in("2026-11") == 1
    generation = await harness.generations.load("g1")
    assert generation is not None


async def test_the_event_has_the_month_of_an_earlier_hold(harness: QuotaHarness, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)
    await harness.admission.hold("dev-1", "g1", period="2026-11", bounds=Bounds(100, 1))
    clock.forward(minutes=1)
    submission = Submission(IDENTITY, "g1", "key-1", "r1")
    recorded = await recorder_of(harness, MemoryPersonalData()).record(submission, NOTHING)
    assert not recorded.replayed
    generation = await harness.generations.load("g1")
    assert generation is not None
    assert generation.request.period == "2026-11"
    account = await harness.ledger.account("dev-1")
    assert (account.used_in("2026-11"), account.used_in("2026-12")) == (1, 0)


class EmptyQueue:
    """A queue in which no row waits."""

    async def waiting(self, _most: int) -> int:
        return 0


async def test_what_was_refused_does_not_count_as_waiting(harness: QuotaHarness) -> None:
    gate = SubmissionGate(
        current_controls=cast("CurrentControls", FixedControls(control(Target("queue_cap"), limit=1))),
        queue=cast("Queue", EmptyQueue()),
        provider_name="replicate",
        clock=harness.clock,
        monotonic=lambda: 0.0,
    )
    recorder = replace(recorder_of(harness, MemoryPersonalData()), submission_gate=gate)
    await harness.admission.hold("dev-1", "g0", period="2026-11", bounds=Bounds(100, 1))
    other = replace(IDENTITY, developer_id="dev-2")

    async def refusal_of(identity: Identity, generation: str) -> ErrorCode:
        with pytest.raises(LimitError) as refused:
            await recorder.record(Submission(identity, generation, None, "r1"), NOTHING)
        return refused.value.code

    assert [await refusal_of(IDENTITY, f"g{n}") for n in (1, 2)] == [ErrorCode.GENERATION_LIMIT] * 2
    await recorder.record(Submission(other, "g3", None, "r1"), NOTHING)
    assert await refusal_of(other, "g4") is ErrorCode.QUEUE_FULL


async def test_beyond_the_daily_requests_nothing_is_held_or_stored(harness: QuotaHarness) -> None:
    refusal = LimitError(ErrorCode.REQUEST_LIMIT, 60)
    personal_data = MemoryPersonalData()
    submission = Submission(IDENTITY, "g1", "key-1", "r1", overdrawn=refusal)
    with pytest.raises(LimitError) as refused:
        await recorder_of(harness, personal_data).record(submission, NOTHING)
    assert refused.value is refusal
    assert await harness.ledger.account("dev-1") == Account()


class CountingLedger(MemoryLedger):
    """A ledger that counts its readers."""

    reads = 0

    async def account(self, developer: str, *, only: Sequence[str] | None = None, durable: bool = False) -> Account:
        self.reads += 1
        return await super().account(developer, only=only, durable=durable)


async def test_the_account_is_read_once_a_second_for_concurrent_callers(clock: Clock) -> None:
    ledger = CountingLedger()
    harness = QuotaHarness(MemoryEventStore(), ledger, clock)
    bounds = Bounds(100, 1)
    await asyncio.gather(*(harness.admission.recent_account("dev-1", bounds) for _ in range(50)))
    assert ledger.reads == 1
    clock.forward(seconds=1)
    await harness.admission.recent_account("dev-1", bounds)
    assert ledger.reads == 2
    await harness.admit("g1", bounds)
    assert len((await harness.admission.recent_account("dev-1", bounds)).slots) == 1, "what is held here is known"
    assert ledger.reads == 2


class FailingEventStore(MemoryEventStore):
    """Fails before or after it has appended."""

    def __init__(self, error: Exception, *, appends: bool) -> None:
        super().__init__()
        self.error, self.appends = error, appends

    async def append(self, *given: Any, **named: Any) -> Commit:
        if self.appends:
            await super().append(*given, **named)
        raise self.error


async def attempt(
    clock: Clock, events: MemoryEventStore, submission: Submission, holds: int = 0
) -> tuple[int, int, Sequence[str]]:
    """Submit, after others who hold the same; return slots and units held, and the generations with personal data."""
    harness = QuotaHarness(events, MemoryLedger(), clock)
    for _ in range(holds):
        await harness.admission.hold("dev-1", "g1", period="2026-11", bounds=Bounds(100, 1))
    personal_data = MemoryPersonalData()
    with pytest.raises((RuntimeError, OutcomeUnknownError)):
        await recorder_of(harness, personal_data).record(submission, replace(NOTHING, webhook="https://a.example"))
    account = await harness.ledger.account("dev-1")
    return len(account.slots), account.used_in("2026-11"), await personal_data.with_webhook(["g1"])


@pytest.mark.parametrize("key", [None, "key-1"])
async def test_a_failure_before_the_append_leaves_nothing(clock: Clock, key: str | None) -> None:
    failing = FailingEventStore(RuntimeError("a bug"), appends=False)
    assert await attempt(clock, failing, Submission(IDENTITY, "g1", key, "r1")) == (0, 0, [])


@pytest.mark.parametrize("key", [None, "key-1"])
async def test_a_failure_after_the_append_undoes_nothing(clock: Clock, key: str | None) -> None:
    failing = FailingEventStore(RuntimeError("a bug"), appends=True)
    assert await attempt(clock, failing, Submission(IDENTITY, "g1", key, "r1")) == (1, 1, ["g1"])


async def test_an_unknown_outcome_undoes_nothing(clock: Clock) -> None:
    failing = FailingEventStore(OutcomeUnknownError("g1"), appends=False)
    assert await attempt(clock, failing, Submission(IDENTITY, "g1", None, "r1")) == (1, 1, ["g1"])


async def test_a_hold_that_another_request_with_the_key_uses_is_kept(clock: Clock) -> None:
    failing = FailingEventStore(RuntimeError("a bug"), appends=False)
    assert await attempt(clock, failing, Submission(IDENTITY, "g1", "key-1", "r1"), holds=1) == (1, 1, [])
