"""What was learnt about a prediction goes into the log the same way, whoever learnt it."""

from collections.abc import Sequence
from typing import Protocol

from domain.generation import decisions
from domain.generation.generation import Generation
from domain.generation.prediction import Prediction, failure_of
from domain.generation.price import PriceSettings
from events.envelope import Cause
from events.event import Event
from events.generation import PredictionSettled
from store.generations.generations import Decided, Generations
from store.generations.personal_data import PersonalDataStore, ProviderTexts


class PredictionClaims(Protocol):
    """Whose a prediction is: its id stands in one generation's stream only."""

    async def claim(self, prediction: str, generation: str) -> bool: ...

    async def owner(self, prediction: str) -> str | None: ...


class Observations:
    """Record the provider's answers, callbacks and lists; repeats and late ones change nothing."""

    def __init__(
        self,
        generations: Generations,
        personal_data: PersonalDataStore,
        predictions: PredictionClaims,
        price: PriceSettings,
    ) -> None:
        self._generations = generations
        self._personal_data = personal_data
        self._predictions = predictions
        self._price = price

    async def record(
        self, generation_id: str, attempt: int, prediction: Prediction, *, cause: Cause
    ) -> Decided | None:
        """Append what `prediction` tells that the stream does not know; None when it is not ours."""
        generation = await self._generations.load(generation_id)
        if generation is None or not await self._belongs(prediction.id, generation):
            return None
        if prediction.outcome is not None and not generation.erased:
            await self._store_personal_data(generation, prediction)
        return await self._generations.decide(
            generation_id,
            lambda g: _decision(g, attempt, prediction, self._price),
            cause=cause,
            known=generation,
        )

    async def owner(self, prediction: str) -> str | None:
        """Find the generation that a prediction belongs to; None when nobody claimed it."""
        return await self._predictions.owner(prediction)

    async def _belongs(self, prediction: str, generation: Generation) -> bool:
        """Tell whether a prediction is this generation's; what its stream names was claimed before."""
        return generation.prediction == prediction or await self._predictions.claim(prediction, generation.id)

    async def _store_personal_data(self, generation: Generation, prediction: Prediction) -> None:
        # Before the event, so that whoever handles the event finds them.
        said = ProviderTexts(prediction.id, prediction.outputs, prediction.error)
        await self._personal_data.put_provider(generation.id, generation.request.personal_data, said)


def _decision(g: Generation, attempt: int, prediction: Prediction, price: PriceSettings) -> Sequence[Event]:
    model = prediction.model
    if prediction.outcome is None:
        events = decisions.start(g, attempt=attempt, prediction=prediction.id, model=model)
        return events or decisions.progress(g, prediction=prediction.id, percent=prediction.percent or 0)
    code = failure_of(prediction)
    settled = PredictionSettled(
        attempt=attempt,
        prediction=prediction.id,
        outcome=prediction.outcome,
        code=code.value if code else None,
        predict_seconds=prediction.predict_seconds,
        total_seconds=prediction.total_seconds,
        cost_microusd=price.microusd(prediction.predict_seconds),
    )
    return decisions.settle_prediction(g, settled, model=model)
