"""Who looks for a prediction: by whose clock, how far back, and what one failing answer does to the rest."""

from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from actors.jobs.reconciliation import poll, reconcile
from actors.providers.provider import ProviderUnavailableError
from actors.providers.replicate import ReplicateProvider
from domain.generation.generation import State
from domain.generation.prediction import Prediction
from tests.actors.workshop import LOST_AFTER, SandboxProvider, Workshop


class Deaf(ReplicateProvider):
    """A provider that has no answer about one prediction."""

    def __init__(self, workshop: Workshop, prediction: str) -> None:
        super().__init__(workshop.hands.replicate, clock=workshop.clock)
        self._unheard = prediction

    async def get(self, prediction: str) -> Prediction | None:
        if prediction == self._unheard:
            raise ProviderUnavailableError("no answer")
        return await super().get(prediction)


async def unanswered(workshop: Workshop, provider: SandboxProvider, name: str = "g1") -> None:
    """Make a prediction that its creator never hears of, and let the claim run out."""
    await provider.arm(create="drop_after_commit", times=1)
    assert (await workshop.invoked(name)).state is State.INTENDED
    await workshop.project(name)
    workshop.clock.forward(seconds=5)


@pytest.mark.parametrize("minutes", [-4, 4])
async def test_a_prediction_is_found_whose_provider_is_minutes_before_or_behind_us(
    workshop: Workshop, provider: SandboxProvider, minutes: int
) -> None:
    provider.skew = timedelta(minutes=minutes)
    await unanswered(workshop, provider)

    await reconcile(workshop.desk)

    (made,) = await provider.predictions()
    assert (await workshop.load("g1")).prediction == made["id"]


async def test_a_prediction_of_the_same_input_from_long_before_is_nobodys_answer(
    workshop: Workshop, provider: SandboxProvider
) -> None:
    provider.skew = timedelta(minutes=-6)
    await unanswered(workshop, provider)

    await reconcile(workshop.desk)

    assert (await workshop.load("g1")).state is State.INTENDED


async def test_a_claim_is_lost_only_after_the_grace_by_the_clock_of_who_looks(
    workshop: Workshop, provider: SandboxProvider
) -> None:
    await provider.arm(create="500", times=1)
    assert (await workshop.invoked("g1")).state is State.INTENDED
    await workshop.project("g1")
    # Whoever wrote the claim was hours behind: by that clock the grace was over before anybody looked.
    workshop.clock.forward(hours=1)
    for _ in range(5):
        assert await reconcile(workshop.desk) == 1
    assert (await workshop.load("g1")).state is State.INTENDED

    workshop.clock.forward(seconds=LOST_AFTER.total_seconds())
    await reconcile(workshop.desk)
    assert (await workshop.told("g1"))[-1] == "invocation_lost"


async def test_what_the_scheduler_learns_belongs_to_the_chain_and_its_lines_to_the_request(
    workshop: Workshop, provider: SandboxProvider
) -> None:
    await unanswered(workshop, provider)
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        await reconcile(workshop.desk)

    events = await workshop.events("g1")
    assert {event.cause.correlation_id for event in events} == {events[0].stream}
    assert "started" in str(await workshop.told("g1"))
    about = [line for line in lines if line["event"] in ("claim found", "events_appended")]
    assert len(about) == 2
    assert {(line["generation_id"], line["request_id"]) for line in about} == {("g1", "r-g1")}


async def test_an_answer_that_fails_for_one_prediction_silences_no_other(
    workshop: Workshop, provider: SandboxProvider
) -> None:
    for name in ("g1", "g2"):
        assert (await workshop.invoked(name)).state is State.STARTED
    await workshop.project("g1", "g2")
    await provider.finished()
    deaf = Deaf(workshop, (await workshop.load("g1")).prediction or "")
    workshop.clock.forward(minutes=1)

    await poll(replace(workshop.desk, hands=replace(workshop.hands, model=deaf)))
    await deaf.close()

    assert (await workshop.load("g1")).state is State.STARTED
    assert (await workshop.load("g2")).state is State.SETTLED
