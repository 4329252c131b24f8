from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.generation import invocation
from domain.generation.callback import callback_of_url
from domain.generation.generation import Generation, stream_of
from domain.generation.prediction import Prediction, failure_of
from domain.generation.timings import Price
from events.envelope import Cause
from events.event import Event
from events.invocation import PredictionSettled
from store.generations.generations import Decided, Generations
from store.generations.personal_data import PersonalDataStore, ProviderTexts
from store.generations.predictions import Predictions


@dataclass(frozen=True, slots=True)
class Observations:
    """Append observations to the log; repeated and late ones change nothing."""

    generations: Generations
    personal_data: PersonalDataStore
    predictions: Predictions
    price: Price
    callback_keys: Sequence[bytes] = field(repr=False)

    async def record(
        self,
        generation_id: str,
        attempt: int,
        prediction: Prediction,
        *,
        cause: Cause,
        known: Generation | None = None,
    ) -> Decided | None:
        """Append what is new in `prediction`; None when it does not belong to the generation.

        `known` is the generation as the caller has it (`Repository.decide`).
        """
        answer = await self._kept_at_once(generation_id, prediction) if known is None else None
        generation = known or await self.generations.load(generation_id)
        if generation is None:
            return None
        named = generation.prediction == prediction.id  # by its stream: claimed before
        if not named and not await self._belongs(prediction, generation_id):
            return None
        if named and known is None and prediction.outcome is None and not self._news(generation, attempt, prediction):
            return Decided(generation)  # it was loaded here: loading it again would tell no more
        answer = answer or await self._kept(generation, prediction)
        return await self.generations.decide(
            generation_id,
            lambda g: self._news(g, attempt, prediction, answer),
            cause=cause,
            known=generation,
        )

    async def _kept_at_once(self, generation_id: str, prediction: Prediction) -> str | None:
        """Keep the answer before the generation is read, so that what is appended meanwhile is read too.

        The start is mostly recorded at the same time, and a decision that does not know of it would be made twice.
        """
        generation = self.generations.known(stream_of(generation_id))
        if generation is None or self._addressed_to(prediction) != generation_id:
            return None
        return await self._kept(generation, prediction)

    async def _kept(self, generation: Generation, prediction: Prediction) -> str | None:
        """Keep the answer about a prediction that has ended, before the event whose handlers look for it."""
        ended = generation.settled is not None and generation.settled.prediction == prediction.id
        if prediction.outcome is None or generation.erased or ended:  # what the log has hashed is not replaced
            return None
        texts = ProviderTexts(prediction.id, prediction.outputs, prediction.error)
        return await self.personal_data.put_provider(generation.id, generation.request.personal_data, texts)

    async def _belongs(self, prediction: Prediction, generation_id: str) -> bool:
        """Tell whether a prediction is of a generation: by its signed callback address, else by the first claim."""
        addressed = self._addressed_to(prediction)
        if addressed is not None:
            return addressed == generation_id
        return await self.predictions.claim(prediction.id, generation_id)

    def _addressed_to(self, prediction: Prediction) -> str | None:
        """Read the generation from the signed callback address; None where there is none."""
        address = callback_of_url(prediction.webhook, self.callback_keys) if prediction.webhook else None
        return address.generation if address is not None else None

    def _news(self, g: Generation, attempt: int, prediction: Prediction, answer: str | None = None) -> Sequence[Event]:
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
            cost_microusd=self.price.microusd(prediction.predict_seconds),
            answer=answer,
        )
        return invocation.settle_prediction(g, settled, model=model)
