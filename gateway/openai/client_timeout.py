"""How long a client of OpenAI's API waits for an answer."""

from collections.abc import Mapping
from typing import Final

_HEADERS: Final = ("X-Stainless-Read-Timeout", "X-Stainless-Timeout")  # of the Python and the npm package: seconds
LONGEST: Final = 600.0  # seconds: the packages' own default, for clients that do not say
_FOR_THE_ANSWER: Final = 0.05  # of the time-out, at least a second, at most ten


def wait_of(headers: Mapping[str, str]) -> float:
    """Return how many seconds to wait, so that the answer arrives before the client gives up."""
    said = next((seconds for name in _HEADERS if (seconds := _seconds(headers.get(name, ""))) is not None), LONGEST)
    seconds = min(said, LONGEST)
    return max(seconds - min(max(seconds * _FOR_THE_ANSWER, 1.0), 10.0), 0.0)


def _seconds(text: str) -> float | None:
    whole, _, fraction = text.partition(".")
    legal = whole.isascii() and whole.isdigit() and len(whole) <= 9 and (not fraction or fraction.isdigit())
    return float(text) if legal and text.isascii() else None
