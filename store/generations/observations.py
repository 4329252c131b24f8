"""Record what the provider said of a prediction, whether in an answer, a callback or a list."""

from collections.abc import Sequence

from domain.generation import invocation
from domain.generation.generation import Generation
from domain.generation.prediction import Prediction, failure_of
from domain.generation.price import Price
from events.envelope import Cause
from events.event import Event
from events.invocation import PredictionSettled
from store.generations.generations import Decided, Generations
from store.generations.personal_data import PersonalDataStore, ProviderTexts
from store.generations.predictions import Predictions


class Observations:
    """Append observations to the log; repeated and late ones change nothing."""

    def __init__(
        self,
        generations: Generations,
        personal_data: PersonalDataStore,
        predictions: Predictions,
        price: Price,
    ) -> None:
        self._generations = generations
        self._personal_data = personal_data
        self._predictions = predictions
        self._price = price

    async def record(
        self, generation_id: str, attempt: int, prediction: Prediction, *, cause: Cause
    ) -> Decided | None:
        """Append what is new in `prediction`; None when it does not belong to the generation."""
        generation = await self._generations.load(generation_id)
        if generation is None or not await self._belongs(prediction.id, generation):
            return None
        if prediction.outcome is not None and not generation.erased:
            await self._store_texts(generation, prediction)
        return await self._generations.decide(
            generation_id,
            lambda g: _decision(g, attempt, prediction, self._price),
            cause=cause,
            known=generation,
        )

    async def _belongs(self, prediction: str, generation: Generation) -> bool:
        """Tell whether a prediction is this generation's; one that its stream names was claimed before."""
        return generation.prediction == prediction or await self._predictions.claim(prediction, generation.id)

    async def _store_texts(self, generation: Generation, prediction: Prediction) -> None:
        # Before the event, so that whatever handles the event finds them.
        texts = ProviderTexts(prediction.id, prediction.outputs, prediction.error)
        await self._personal_data.put_provider(generation.id, generation.request.personal_data, texts)


def _decision(g: Generation, attempt: int, prediction: Prediction, price: Price) -> Sequence[Event]:
    model = prediction.model
    if prediction.outcome is None:
        events = invocation.start(g, attempt=attempt, prediction=prediction.id, model=model)
        return events or invocation.progress(g, prediction=prediction.id, percent=prediction.percent or 0)
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
    return invocation.settle_prediction(g, settled, model=model)
