from dataclasses import dataclass

_LARGEST_EXPONENT = 30  # keeps the power small; every longest delay is reached long before


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off in seconds: `first`, doubled after each failure, at most `longest`.

    `jitter` is the share of a delay, 0 to 1, that chance may take off it, so that many callers spread.
    """

    first: float
    longest: float
    jitter: float = 0.0

    def delay(self, failures: int, chance: float = 0.0) -> float:
        """Return the seconds to wait after so many failures (1 or more); `chance` is a number in 0..1."""
        exponent = min(max(failures - 1, 0), _LARGEST_EXPONENT)
        return min(self.first * 2.0**exponent, self.longest) * (1 - self.jitter * chance)
