"""When a request is sent again."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from exemplar_client.errors import seconds_of

RETRIED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """Exponential back-off with jitter.

    `attempts` counts the first request too. Pauses, in seconds, double from `first` up to `longest`, each
    shortened by up to a half so that clients spread. A Retry-After is obeyed, unless it is longer than
    `max_wait`: then the error is raised at once.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 30.0
    max_wait: float = 60.0
    chance: Callable[[], float] = random.random

    def pause(self, failures: int, response: httpx.Response | None = None) -> float | None:
        """Return the pause after so many failures in a row, the last with this response; None: give up."""
        if failures >= self.attempts or (response is not None and response.status_code not in RETRIED):
            return None
        retry_after = seconds_of(response.headers.get("Retry-After")) if response is not None else None
        if retry_after is not None:
            return retry_after if retry_after <= self.max_wait else None
        return float(min(self.first * 2 ** (failures - 1), self.longest)) * (1 - self.chance() / 2)
