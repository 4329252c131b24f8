"""When to ask for the status of a running generation again."""

from datetime import datetime, timedelta
from typing import Final

from domain.generation.generation import Generation

SHORTEST: Final = 1
LONGEST: Final = 15
"""Seconds; the API asks clients to poll every 10 to 15 seconds."""


def poll_hint(generation: Generation, now: datetime) -> int | None:
    """Return the seconds until the next poll, a quarter of the age in whole seconds; None for a final generation.

    So a client learns of the end after at most a quarter more than it took, by few requests.
    """
    if generation.final:
        return None
    age = max(timedelta(), now - generation.created_at)
    return min(LONGEST, max(SHORTEST, age // timedelta(seconds=4)))
