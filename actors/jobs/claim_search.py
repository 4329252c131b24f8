from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from actors.callback_urls import CallbackUrls
from actors.model_inputs import is_same_input
from actors.providers.provider import ListTooLongError, Provider, ProviderUnavailableError
from domain.generation.callback import Callback
from domain.generation.generation import Generation, SentAttempt
from domain.generation.lifecycle import Timeouts
from domain.generation.prediction import Prediction
from store.generations.personal_data import PersonalDataStore
from store.generations.predictions import Predictions

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks may differ that nothing was learned about: a list reaches back that much further."""
_WINDOW = timedelta(minutes=5)  # a list may not have too many pages

Claim = tuple[Generation, SentAttempt]
"""A generation and one of its calls."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSearch:
    """Find the prediction of an attempt among those that the provider lists, by the provider's clock.

    It is the one that echoes the attempt's callback address, else one without any address whose whole input
    has the hash in the log, created after the intention, and that belongs to no generation.
    """

    personal_data: PersonalDataStore
    predictions: Predictions
    callback_urls: CallbackUrls
    provider: Provider
    timeouts: Timeouts

    def since(self, generation: Generation, sent: SentAttempt) -> datetime:
        """Return the time from which an attempt's prediction is looked for.

        Where nothing is known about the clock that wrote the intention, the request before it bounds the search.
        """
        ours = min(sent.intended_at, generation.created_at)
        return (sent.provider_time or self.provider.time.bounds(ours)[0]) - CLOCK_SKEW

    def until(self, sent: SentAttempt) -> datetime | None:
        """Return the time up to which an attempt's prediction was created, if any.

        None for an open call where nothing is known about the clock that wrote the intention.
        """
        if sent.provider_time is None and sent.given_up_at is None:
            return None
        latest = sent.provider_time or self.provider.time.bounds(sent.intended_at)[1]
        return latest + self.timeouts.claim + timedelta(seconds=self.provider.create_seconds) + CLOCK_SKEW

    async def lists(self, claims: Sequence[Claim]) -> AsyncIterator[tuple[Sequence[Claim], Sequence[Prediction]]]:
        """List the predictions for a few claims at a time, oldest first, while the provider is available.

        Claims whose list is too long are left out.
        """
        for window in self._windows(claims):
            ends = [end for _, sent in window if (end := self.until(sent))]
            until = max(ends) if len(ends) == len(window) else None
            try:
                listed = await self.provider.list_since(self.since(*window[0]), until=until)
            except ListTooLongError as error:
                log.warning("provider_list_too_long", claims=len(window), error=error)
            except ProviderUnavailableError as error:
                log.warning("provider_unavailable", error=error)
                return
            else:
                yield window, listed

    def _windows(self, claims: Sequence[Claim]) -> Iterator[Sequence[Claim]]:
        """Split claims into groups whose searches begin within a few minutes, oldest first."""
        ordered = sorted(claims, key=lambda claim: self.since(*claim))
        while ordered:
            end = self.since(*ordered[0]) + _WINDOW
            window = [claim for claim in ordered if self.since(*claim) <= end]
            yield window
            ordered = ordered[len(window) :]

    async def find(self, generation: Generation, sent: SentAttempt, listed: Sequence[Prediction]) -> Prediction | None:
        """Find the prediction of one of a generation's attempts."""
        wanted = Callback(generation.id, sent.number)
        for prediction in listed:
            if prediction.webhook and self.callback_urls.read(prediction.webhook) == wanted:
                return prediction
        return await self._find_by_input(generation, self.since(generation, sent), listed)

    async def _find_by_input(
        self, generation: Generation, since: datetime, listed: Sequence[Prediction]
    ) -> Prediction | None:
        # A prediction with an address belongs to the attempt of that address, however alike its input is.
        unknown = [p for p in listed if p.webhook is None and p.id not in generation.predictions]
        silent = [p for p in unknown if p.created_at is not None and p.created_at >= since]
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
