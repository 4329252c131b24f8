"""Check that costs are paid time by a price, over all generations.

The price is a setting, and only its result is recorded. So a cost is right at the price of today, or at one that other
costs of the same day have, too: the price of that day.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from domain.audit.invariants import Found, Invariant, Violation
from domain.generation.timings import Price

_MOST_PRICES: Final = 20  # of a day: none has as many


@dataclass(frozen=True, slots=True)
class PaidTime:
    """Seconds of compute and their cost in millionths of a US dollar, as an event records them."""

    event: str
    day: date
    seconds: float
    microusd: int

    @classmethod
    def of(cls, event: str, time: datetime, seconds: float | None, microusd: int | None) -> Sequence["PaidTime"]:
        """Return one, none where time or cost is not known."""
        if seconds is None or microusd is None:
            return ()
        return (cls(event, time.astimezone(UTC).date(), seconds, microusd),)

    @property
    def prices(self) -> tuple[float, float]:
        """The lowest and the highest price of a second, in millionths, that is rounded to this cost."""
        if self.seconds <= 0:
            return (0.0, float("inf")) if self.microusd == 0 else (float("inf"), 0.0)
        return (self.microusd - 0.5) / self.seconds, (self.microusd + 0.5) / self.seconds


@dataclass(slots=True)
class _DayPrice:
    """A price that fits some costs of a day, and the first of them."""

    low: float
    high: float
    first: PaidTime
    costs: int = 1

    def takes(self, paid: PaidTime) -> bool:
        low, high = paid.prices
        if max(low, self.low) > min(high, self.high):
            return False
        self.low, self.high, self.costs = max(low, self.low), min(high, self.high), self.costs + 1
        return True


@dataclass(slots=True)
class PriceCheck:
    """Compare costs with the price of today; keep a few other prices of each day."""

    price: Price
    _others: dict[date, list[_DayPrice]] = field(default_factory=lambda: defaultdict(list))

    def add(self, paid: PaidTime) -> Iterator[Found]:
        """Check one cost; a cost that has no room any more is a violation at once."""
        if self.price.microusd(paid.seconds) == paid.microusd:
            return
        low, high = paid.prices
        others = self._others[paid.day]
        if any(one.takes(paid) for one in others):
            return
        if low > high or len(others) >= _MOST_PRICES:
            yield _violation(paid)
        else:
            others.append(_DayPrice(low, high, paid))

    def end(self) -> Iterator[Found]:
        """Name each cost whose price no other cost of its day has."""
        for prices in self._others.values():
            yield from (_violation(one.first) for one in prices if one.costs == 1)


def _violation(paid: PaidTime) -> Found:
    fault = f"{paid.seconds} s cost {paid.microusd} microusd, which is no price of {paid.day}"
    return Invariant.SUMS, Violation(paid.event, fault)
