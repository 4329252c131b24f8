"""Check that costs are paid time by a price, over all generations.

The price is a setting, and only its result is recorded. So a cost is right at the price of today, or at one that
another cost has, too: an earlier price. A price that one cost alone has is right as well, unless another price was in
force both before and after it: then nobody changed the setting, and the cost is wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from domain.audit.invariants import Found, Invariant, Violation
from domain.generation.timings import Price

_MOST_PRICES: Final = 500  # a setting seldom changes


@dataclass(frozen=True, slots=True)
class PaidTime:
    """Seconds of compute and their cost in millionths of a US dollar, as an event records them."""

    event: str
    time: datetime
    seconds: float
    microusd: int

    @classmethod
    def of(cls, event: str, time: datetime, seconds: float | None, microusd: int | None) -> Sequence["PaidTime"]:
        """Return one, none where time or cost is not known."""
        if seconds is None or microusd is None:
            return ()
        return (cls(event, time.astimezone(UTC), seconds, microusd),)

    @property
    def prices(self) -> tuple[float, float]:
        """The lowest and the highest price of a second, in millionths, that is rounded to this cost."""
        if self.seconds <= 0:
            return (0.0, float("inf")) if self.microusd == 0 else (float("inf"), 0.0)
        return (self.microusd - 0.5) / self.seconds, (self.microusd + 0.5) / self.seconds


@dataclass(slots=True)
class _Price:
    """A price that fits some costs, the first of them that was read, and when it was in force at least."""

    low: float
    high: float
    one: PaidTime
    since: datetime
    until: datetime
    costs: int = 1

    @classmethod
    def of(cls, paid: PaidTime) -> "_Price":
        low, high = paid.prices
        return cls(low, high, paid, paid.time, paid.time)

    def takes(self, paid: PaidTime) -> bool:
        low, high = paid.prices
        if max(low, self.low) > min(high, self.high):
            return False
        self.low, self.high, self.costs = max(low, self.low), min(high, self.high), self.costs + 1
        self.since, self.until = min(self.since, paid.time), max(self.until, paid.time)
        return True

    def surrounds(self, paid: PaidTime) -> bool:
        return self.since < paid.time < self.until

    def may_be_of(self, paid: PaidTime) -> bool:
        """Tell whether the first cost of this price and another one have a price in common."""
        (low, high), (own_low, own_high) = paid.prices, self.one.prices
        return max(low, own_low) <= min(high, own_high)


@dataclass(slots=True)
class PriceCheck:
    """Compare costs with the price of today; keep other prices. since: of the first cost at the price of today."""

    price: Price
    since: datetime | None = None
    _others: list[_Price] = field(default_factory=list)

    def add(self, paid: PaidTime) -> Iterator[Found]:
        """Check one cost; a cost that has no room any more is a violation at once."""
        if self.price.microusd(paid.seconds) == paid.microusd:
            self.since = min(self.since or paid.time, paid.time)
            return
        if any(one.takes(paid) for one in self._others):
            return
        low, high = paid.prices
        if low > high or len(self._others) >= _MOST_PRICES:
            yield _violation(paid)
        else:
            self._others.append(_Price.of(paid))

    def end(self) -> Iterator[Found]:
        """Name each cost whose price no other cost has, and that was recorded while another price was in force."""
        yield from (_violation(one.one) for one in self._others if one.costs == 1 and self._is_wrong(one))

    def _is_wrong(self, alone: _Price) -> bool:
        paid, others = alone.one, [one for one in self._others if one is not alone]
        if any(one.may_be_of(paid) for one in others):
            return False
        is_after = self.since is not None and self.since < paid.time
        return is_after or any(one.surrounds(paid) for one in others)


def _violation(paid: PaidTime) -> Found:
    fault = f"{paid.seconds} s cost {paid.microusd} microusd, which is no price of that time"
    return Invariant.SUMS, Violation(paid.event, fault)
