"""The age of a claim when the paid call is due, by clocks that step."""

import pytest

from actors.lost_predictions import LostPredictions
from actors.model_inputs import ModelInputs
from domain.generation.generation import Generation, State
from domain.generation.prediction import Prediction
from tests.actors.harness import TIMEOUTS, Harness, SandboxProvider
from tests.builders.clock import Clock


class SlowInputs:
    """Model inputs whose reading takes as long as a claim is valid, while the wall clock steps."""

    def __init__(self, harness: Harness, *, hours: float) -> None:
        self._inputs: ModelInputs = harness.dependencies.get("model_inputs", kind=ModelInputs)
        self._clock, self._hours, self._claimed = harness.clock, hours, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._inputs, name)

    async def read(self, generation: Generation) -> object:
        if self._claimed:
            let_a_claim_expire(self._clock, self._hours)
        self._claimed = True  # the first reading precedes the claim
        return await self._inputs.read(generation)


class SlowList:
    """Lost predictions whose list takes as long as a claim is valid, while the wall clock steps."""

    def __init__(self, harness: Harness, *, hours: float) -> None:
        self._lost: LostPredictions = harness.dependencies.get("lost_predictions", kind=LostPredictions)
        self._clock, self._hours = harness.clock, hours

    async def find(self, generation: str) -> Prediction | None:
        let_a_claim_expire(self._clock, self._hours)
        return await self._lost.find(generation)


def let_a_claim_expire(clock: Clock, hours: float) -> None:
    clock.forward(seconds=TIMEOUTS.claim.total_seconds())
    clock.step(hours=hours)


@pytest.mark.parametrize(("slow_part", "kind"), [("model_inputs", SlowInputs), ("lost_predictions", SlowList)])
@pytest.mark.parametrize("hours", [-1, 0, 1], ids=["back", "none", "ahead"])
async def test_no_call_is_made_on_an_old_claim_whatever_the_clock_shows(
    harness: Harness, provider: SandboxProvider, hours: float, slow_part: str, kind: type[SlowInputs | SlowList]
) -> None:
    slow = harness.replace(**{slow_part: kind(harness, hours=hours)})
    assert (await slow.invoked("g1")).state is State.INTENDED
    assert await provider.predictions() == []
