"""Reconciliation of claims and polling of predictions, with clocks that differ and answers that fail."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from actors.jobs import due_pages
from actors.jobs.deadlines import expire
from actors.jobs.late_predictions import find_late_predictions
from actors.jobs.polling import poll
from actors.jobs.reconciliation import reconcile
from actors.model_inputs import ModelInputs
from actors.providers.provider import ListTooLongError, ProviderUnavailableError
from actors.providers.replicate import ReplicateProvider
from domain.generation.generation import State
from domain.generation.prediction import Prediction
from store.mongo.safe_now import SafeNow, ServerTime
from tests.actors.harness import LOST_AFTER, Harness, SandboxProvider
from tests.builders.clock import Clock

HOUR = timedelta(hours=1)


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


class LateList(ReplicateProvider):
    """A provider whose list lacks all predictions at first."""

    lacks = True

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        return [] if self.lacks else await super().list_since(moment, until=until)


class BusyProvider(LateList):
    """A provider with too many predictions at one moment for a list that contains it."""

    busy_at = datetime.min.replace(tzinfo=UTC)
    lists = 0

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        self.lists += 1
        if moment <= self.busy_at and (until is None or self.busy_at <= until):
            raise ListTooLongError("too many predictions")
        return await super().list_since(moment, until=until)


class UnavailableList(BusyProvider):
    """A provider that cannot be reached."""

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        self.lists += 1
        raise ProviderUnavailableError("no answer")


async def unanswered(harness: Harness, provider: SandboxProvider, name: str = "g1") -> None:
    """Create a prediction whose answer is lost, and let the claim run out."""
    await provider.arm(create="drop_after_commit", times=1)
    assert (await harness.invoked(name)).state is State.INTENDED
    await harness.project(name)
    harness.clock.forward(seconds=5)


async def unknown_outcome(harness: Harness, provider: SandboxProvider) -> None:
    """Make a call that ends with 500: nobody knows whether it created a prediction."""
    await provider.arm(create="500", times=1)
    assert (await harness.invoked("g1")).state is State.INTENDED
    await harness.project("g1")


@pytest.mark.parametrize("minutes", [-90, -6, -4, 4, 6, 90])
async def test_a_prediction_is_found_although_the_provider_clock_differs(
    harness: Harness, provider: SandboxProvider, minutes: int
) -> None:
    provider.skew = timedelta(minutes=minutes)
    await unanswered(harness, provider)

    for _ in range(2):  # the first list tells the provider's time
        await harness.run_job(reconcile)

    (made,) = await provider.predictions()
    assert (await harness.load("g1")).prediction == made["id"]


@pytest.mark.parametrize("passed", [0, 91])
async def test_a_prediction_is_found_although_the_clock_of_the_worker_differs(
    harness: Harness, provider: SandboxProvider, passed: int
) -> None:
    clock = Clock.running()
    clock.step(minutes=90)
    async with ReplicateProvider(provider.settings, clock=clock, monotonic=clock.monotonic) as replicate:
        worker = Harness(harness.store, clock, {**harness.given, "provider": replicate})
        assert (await worker.invoked("g1")).state is State.STARTED  # its answer told the provider's time
        await provider.arm(create="drop_after_commit", times=1)
        assert (await worker.invoked("g2")).state is State.INTENDED
        await worker.project("g2")
    harness.clock.forward(minutes=passed)
    provider.skew = timedelta(minutes=-passed)

    await harness.run_job(reconcile)

    assert (await harness.load("g2")).state is not State.INTENDED


async def test_an_older_prediction_of_the_same_input_does_not_resolve_a_claim(
    harness: Harness, provider: SandboxProvider
) -> None:
    await harness.request("g1")
    for queue in ("validation", "quota"):
        await harness.step("g1", queue)
    inputs = harness.dependencies.get("model_inputs", kind=ModelInputs)
    model_input = await inputs.read(await harness.load("g1"))
    older = {"version": provider.settings.replicate_version, "input": model_input.as_request()}
    assert (await provider.http.post("/v1/predictions", json=older)).status_code == 201
    harness.clock.forward(minutes=6)
    await harness.given["provider"].list_since(harness.clock())  # and the provider's time is known
    await provider.arm(create="500", times=1)
    await harness.step("g1", "invocation")
    await harness.project("g1")
    harness.clock.forward(seconds=5)

    await harness.run_job(reconcile)

    assert (await harness.load("g1")).state is State.INTENDED


async def test_a_claim_is_lost_only_after_the_grace_period_that_this_process_saw_pass(
    harness: Harness, provider: SandboxProvider
) -> None:
    await unknown_outcome(harness, provider)
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
    await unknown_outcome(harness, provider)
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


async def test_claims_of_different_pages_are_lost_too(
    harness: Harness, provider: SandboxProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_pages, "_PAGE", 1)
    await provider.arm(create="500", times=2)
    for name in ("g1", "g2"):
        await harness.invoked(name)
        await harness.project(name)
    for _ in range(9):
        harness.clock.forward(minutes=1)
        await harness.run_job(reconcile)
    assert [(await harness.types(name))[-1] for name in ("g1", "g2")] == ["invocation_lost"] * 2


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


async def given_up(harness: Harness, provider: SandboxProvider, name: str = "g1") -> None:
    """Give an attempt up whose prediction exists."""
    await unanswered(harness, provider, name)
    for _ in range(3):
        await harness.run_job(reconcile)
        harness.clock.forward(seconds=LOST_AFTER.total_seconds() / 2)
    assert (await harness.load(name)).state is State.WAITING


async def test_the_late_prediction_of_a_lost_attempt_is_adopted_and_the_next_one_cancelled(
    harness: Harness, provider: SandboxProvider
) -> None:
    async with LateList(provider.settings, clock=harness.clock, monotonic=harness.clock.monotonic) as late:
        system = harness.replace(provider=late)
        await given_up(system, provider)
        assert (await system.step("g1", "invocation")).state is State.STARTED
        await system.project("g1")
        await provider.finished()

        assert await system.run_job(find_late_predictions) == 0
        late.lacks = False
        system.clock.forward(minutes=50)
        assert await system.run_job(find_late_predictions) == 1
        assert await system.run_job(find_late_predictions) == 0, "it is known"

    second, first = await provider.predictions()
    generation = await system.load("g1")
    assert (generation.prediction, [found.prediction for found in generation.duplicates]) == (
        first["id"],
        [second["id"]],
    )
    assert (await system.types("g1"))[-2:] == ["duplicate_found", "prediction_settled"]


async def test_the_prediction_of_a_call_at_the_deadline_is_found_and_cancelled(
    harness: Harness, provider: SandboxProvider
) -> None:
    await unanswered(harness, provider)
    harness.clock.forward(hours=3)
    await harness.run_job(expire)
    await harness.project("g1")
    provider.skew = timedelta(hours=-3)

    await harness.run_job(find_late_predictions)
    await harness.run_job(find_late_predictions)

    (made,) = await provider.predictions()
    assert [found.prediction for found in (await harness.load("g1")).duplicates] == [made["id"]]


async def test_a_given_up_attempt_is_searched_for_an_hour(harness: Harness, provider: SandboxProvider) -> None:
    async with LateList(provider.settings, clock=harness.clock, monotonic=harness.clock.monotonic) as late:
        system = harness.replace(provider=late)
        await given_up(system, provider)
        await system.project("g1")
        late.lacks = False
        system.clock.forward(minutes=54)  # an hour after its end the provider removes what tells whose it is
        assert [row.id for row in await system.store.projection.unresolved(system.clock() - HOUR, limit=9)] == ["g1"]
        assert await system.run_job(find_late_predictions) == 1


async def test_a_given_up_attempt_is_not_searched_for_ever(harness: Harness, provider: SandboxProvider) -> None:
    async with LateList(provider.settings, clock=harness.clock, monotonic=harness.clock.monotonic) as late:
        system = harness.replace(provider=late)
        await given_up(system, provider)
        await system.project("g1")
        late.lacks = False
        system.clock.forward(minutes=60)
        assert await system.run_job(find_late_predictions) == 0


async def found_of_two_claims(harness: Harness, provider: SandboxProvider, *, busy_after: float) -> list[str]:
    """Reconcile two claims, half an hour apart; return those whose prediction was found."""
    async with BusyProvider(provider.settings, clock=harness.clock, monotonic=harness.clock.monotonic) as busy:
        busy.lacks = False
        system = harness.replace(provider=busy)
        await busy.list_since(system.clock())  # and the provider's time is known
        busy.busy_at = system.clock() + timedelta(minutes=busy_after)
        await unanswered(system, provider)
        system.clock.forward(minutes=30)
        await unanswered(system, provider, "g2")

        assert await system.run_job(reconcile) == 2
    return [name for name in ("g1", "g2") if (await system.load(name)).prediction]


async def test_one_old_claim_makes_the_list_for_the_others_no_longer(
    harness: Harness, provider: SandboxProvider
) -> None:
    assert await found_of_two_claims(harness, provider, busy_after=15) == ["g1", "g2"]


async def test_a_claim_whose_list_is_too_long_does_not_stop_the_others(
    harness: Harness, provider: SandboxProvider
) -> None:
    assert await found_of_two_claims(harness, provider, busy_after=0) == ["g2"]


async def two_given_up(harness: Harness, provider: SandboxProvider) -> None:
    """Give up two attempts, half an hour apart."""
    await given_up(harness, provider)
    harness.clock.forward(minutes=30)
    await given_up(harness, provider, "g2")
    await harness.project("g1", "g2")


async def test_a_late_prediction_is_found_although_an_older_list_is_too_long(
    harness: Harness, provider: SandboxProvider
) -> None:
    async with BusyProvider(provider.settings, clock=harness.clock, monotonic=harness.clock.monotonic) as busy:
        began, system = harness.clock(), harness.replace(provider=busy)
        await two_given_up(system, provider)
        busy.lacks, busy.busy_at = False, began

        assert await system.run_job(find_late_predictions) == 1

    assert [bool((await system.load(name)).prediction) for name in ("g1", "g2")] == [False, True]


async def test_late_predictions_are_not_looked_for_at_a_provider_that_is_unavailable(
    harness: Harness, provider: SandboxProvider
) -> None:
    async with UnavailableList(provider.settings, clock=harness.clock, monotonic=harness.clock.monotonic) as down:
        async with LateList(provider.settings, clock=harness.clock, monotonic=harness.clock.monotonic) as late:
            await two_given_up(harness.replace(provider=late), provider)

        assert await harness.replace(provider=down).run_job(find_late_predictions) == 0
        assert down.lists == 1
