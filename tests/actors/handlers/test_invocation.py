"""The age of a claim when the paid call is due, by clocks that step."""

import pytest

from actors.model_inputs import ModelInputs
from domain.generation.generation import Generation, State
from tests.actors.harness import TIMEOUTS, Harness, SandboxProvider


class SlowInputs:
    """Model inputs whose reading takes as long as a claim is valid, while the wall clock steps."""

    def __init__(self, harness: Harness, *, hours: float) -> None:
        self._inputs: ModelInputs = harness.dependencies.get("model_inputs", kind=ModelInputs)
        self._clock, self._hours, self._claimed = harness.clock, hours, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._inputs, name)

    async def read(self, generation: Generation) -> object:
        if self._claimed:
            self._clock.forward(seconds=TIMEOUTS.claim.total_seconds())
            self._clock.step(hours=self._hours)
        self._claimed = True  # the first reading precedes the claim
        return await self._inputs.read(generation)


@pytest.mark.parametrize("hours", [-1, 0, 1], ids=["back", "none", "ahead"])
async def test_no_call_is_made_on_an_old_claim_whatever_the_clock_shows(
    harness: Harness, provider: SandboxProvider, hours: float
) -> None:
    slow = harness.replace(model_inputs=SlowInputs(harness, hours=hours))
    assert (await slow.invoked("g1")).state is State.INTENDED
    assert await provider.predictions() == []
