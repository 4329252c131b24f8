from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.callback_urls import CallbackUrls
from actors.model_inputs import is_same_input
from domain.generation.callback import Callback
from domain.generation.generation import Generation
from domain.generation.prediction import Prediction
from store.generations.personal_data import PersonalDataStore
from store.generations.predictions import Predictions

CLOCK_SKEW = timedelta(minutes=5)
"""How far the provider's clock may differ from ours: a list of predictions reaches back that much further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSearch:
    """Find the prediction of an attempt among those that the provider lists.

    It is the one that echoes the attempt's callback address, else one without any address whose whole input
    has the hash in the log, created after the intention, and that belongs to no generation.
    """

    personal_data: PersonalDataStore
    predictions: Predictions
    callback_urls: CallbackUrls

    async def find(self, generation: Generation, listed: Sequence[Prediction]) -> Prediction | None:
        """Find the prediction of a generation's present attempt."""
        wanted = Callback(generation.id, generation.attempt)
        for prediction in listed:
            if prediction.webhook and self.callback_urls.read(prediction.webhook) == wanted:
                return prediction
        return await self._find_by_input(generation, listed)

    async def _find_by_input(self, generation: Generation, listed: Sequence[Prediction]) -> Prediction | None:
        # A prediction with an address belongs to the attempt of that address, however alike its input is.
        silent = [p for p in listed if p.webhook is None and _created_after(p, generation.intended_at)]
        if not silent or generation.validated is None:
            return None
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        if personal_data is None:
            return None
        digest = generation.validated.input_digest
        for prediction in silent:
            same = is_same_input(prediction.input, personal_data, digest)
            if same and await self._is_free(prediction, generation):
                return prediction
        return None

    async def _is_free(self, prediction: Prediction, generation: Generation) -> bool:
        return await self.predictions.owner(prediction.id) in (None, generation.id)


def _created_after(prediction: Prediction, intended_at: datetime | None) -> bool:
    if prediction.created_at is None or intended_at is None:
        return False
    return prediction.created_at >= intended_at - CLOCK_SKEW
