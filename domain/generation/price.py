from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """The price of compute time at the provider, in US dollars a second."""

    usd_per_second: float

    def microusd(self, seconds: float | None) -> int | None:
        """Return the cost of `seconds` in millionths of a US dollar; None for an unknown time."""
        return None if seconds is None else round(seconds * self.usd_per_second * 1_000_000)
