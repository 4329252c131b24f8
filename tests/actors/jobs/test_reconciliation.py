"""Reconciliation of claims and polling of predictions, with clocks that differ and answers that fail."""

from datetime import timedelta

import pytest
import structlog

from actors.jobs.deadlines import expire
from actors.jobs.polling import poll
from actors.jobs.reconciliation import reconcile
from actors.providers.provider import ProviderUnavailableError
from actors.providers.replicate import ReplicateProvider
from domain.generation.generation import State
from domain.generation.prediction import Prediction
from store.mongo.safe_now import SafeNow, ServerTime
from tests.actors.harness import LOST_AFTER, Harness, SandboxProvider


class PartlyUnavailable(ReplicateProvider):
    """A provider that fails for one prediction."""

    def __init__(self, provider: SandboxProvider, harness: Harness, prediction: str) -> None:
        super().__init__(provider.settings, clock=harness.clock)
        self._failing = prediction

    async def get(self, prediction: str) -> Prediction | None:
        if prediction == self._failing:
            raise ProviderUnavailableError("no answer")
        return await super().get(prediction)


class Forgetful(ReplicateProvider):
    """A provider that knows no prediction."""

    async def get(self, prediction: str) -> Prediction | None:
        return None


async def unanswered(harness: Harness, provider: SandboxProvider, name: str = "g1") -> None:
    """Create a prediction whose answer is lost, and let the claim run out."""
    await provider.arm(create="drop_after_commit", times=1)
    assert (await harness.invoked(name)).state is State.INTENDED
    await harness.project(name)
    harness.clock.forward(seconds=5)


@pytest.mark.parametrize("minutes", [-4, 4])
async def test_a_prediction_is_found_although_the_provider_clock_differs_by_minutes(
    harness: Harness, provider: SandboxProvider, minutes: int
) -> None:
    provider.skew = timedelta(minutes=minutes)
    await unanswered(harness, provider)

    await harness.run_job(reconcile)

    (made,) = await provider.predictions()
    assert (await harness.load("g1")).prediction == made["id"]


async def test_an_older_prediction_of_the_same_input_does_not_resolve_a_claim(
    harness: Harness, provider: SandboxProvider
) -> None:
    provider.skew = timedelta(minutes=-6)
    await unanswered(harness, provider)

    await harness.run_job(reconcile)

    assert (await harness.load("g1")).state is State.INTENDED


async def test_a_claim_is_lost_only_after_the_grace_period_that_this_process_saw_pass(
    harness: Harness, provider: SandboxProvider
) -> None:
    await provider.arm(create="500", times=1)
    assert (await harness.invoked("g1")).state is State.INTENDED
    await harness.project("g1")
    # The clock of the claim's writer was an hour behind: by that clock the grace period is over already.
    harness.clock.step(hours=1)
    for _ in range(5):
        assert await harness.run_job(reconcile) == 1
    # Neither may a step of this process's clock end it: the paid call may still be under way.
    harness.clock.step(hours=1)
    for _ in range(5):
        assert await harness.run_job(reconcile) == 1
    assert (await harness.load("g1")).state is State.INTENDED

    harness.clock.forward(seconds=LOST_AFTER.total_seconds())
    await harness.run_job(reconcile)
    assert (await harness.types("g1"))[-1] == "invocation_lost"


async def test_a_backward_step_of_the_clock_does_not_prolong_the_grace_period(
    harness: Harness, provider: SandboxProvider
) -> None:
    await provider.arm(create="500", times=1)
    await harness.invoked("g1")
    await harness.project("g1")
    harness.clock.forward(minutes=30)
    for _ in range(3):
        await harness.run_job(reconcile)
    harness.clock.step(minutes=-29)
    harness.clock.forward(seconds=LOST_AFTER.total_seconds())
    await harness.run_job(reconcile)
    assert (await harness.types("g1"))[-1] == "invocation_lost"


async def test_a_prediction_that_the_provider_denies_is_not_gone_by_a_step_of_the_clock(
    harness: Harness, provider: SandboxProvider
) -> None:
    await harness.invoked("g1")
    await harness.project("g1")
    async with Forgetful(provider.settings, clock=harness.clock) as forgetful:
        polling = harness.replace(provider=forgetful)
        for _ in range(4):
            harness.clock.step(hours=1)
            await polling.run_job(poll)
        assert (await harness.load("g1")).state is State.STARTED

        harness.clock.forward(seconds=LOST_AFTER.total_seconds())
        await polling.run_job(poll)
        assert (await harness.load("g1")).state is State.SETTLED


async def test_no_generation_ends_by_a_step_of_one_clock(harness: Harness) -> None:
    await harness.invoked("g1")
    await harness.project("g1")
    harness.clock.step(hours=3)
    safe_now = SafeNow(harness.clock, ServerTime(harness.store.database))
    await harness.replace(safe_now=safe_now).run_job(expire)
    assert (await harness.load("g1")).state is State.STARTED

    await harness.run_job(expire)
    assert (await harness.load("g1")).state is State.FAILED


async def test_reconciled_events_and_log_lines_carry_correlation_and_request_ids(
    harness: Harness, provider: SandboxProvider
) -> None:
    await unanswered(harness, provider)
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        await harness.run_job(reconcile)

    events = await harness.events("g1")
    assert {event.cause.correlation_id for event in events} == {events[0].stream}
    assert "started" in str(await harness.types("g1"))
    about = [line for line in lines if line["event"] in ("claim_found", "events_appended")]
    assert len(about) == 2
    assert {(line["generation_id"], line["request_id"]) for line in about} == {("g1", "r-g1")}


async def test_a_failing_poll_of_one_prediction_does_not_stop_the_others(
    harness: Harness, provider: SandboxProvider
) -> None:
    for name in ("g1", "g2"):
        assert (await harness.invoked(name)).state is State.STARTED
    await harness.project("g1", "g2")
    await provider.finished()
    failing = PartlyUnavailable(provider, harness, (await harness.load("g1")).prediction or "")
    harness.clock.forward(minutes=1)

    await harness.replace(provider=failing).run_job(poll)
    await failing.close()

    assert (await harness.load("g1")).state is State.STARTED
    assert (await harness.load("g2")).state is State.SETTLED
