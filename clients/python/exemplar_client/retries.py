"""When a request is sent again, and after which pause."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from exemplar_client.errors import seconds_of

AGAIN = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is.

    `attempts` in all; pauses in seconds grow from `first` by doubling up to `longest`, each shortened by up
    to a half so that clients do not come back together. A Retry-After is kept to the second, unless it is
    longer than `patience`: then the error is raised at once.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 30.0
    max_wait: float = 60.0
    chance: Callable[[], float] = random.random

    def pause(self, failures: int, answer: httpx.Response | None = None) -> float | None:
        """Tell the pause after so many failures in a row, the last with this answer; None: give up."""
        if failures >= self.attempts or (answer is not None and answer.status_code not in AGAIN):
            return None
        told = seconds_of(answer.headers.get("Retry-After")) if answer is not None else None
        if told is not None:
            return told if told <= self.max_wait else None
        return float(min(self.first * 2 ** (failures - 1), self.longest)) * (1 - self.chance() / 2)
