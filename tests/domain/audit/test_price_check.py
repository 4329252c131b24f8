"""A cost is right at the price of today, or at one that may have been the price of its time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from domain.audit.price_check import PaidTime, PriceCheck
from domain.generation.timings import Price

SECONDS = 10.0
TODAY, EARLIER, OTHER = 0.002, 0.001, 0.005


def violations(prices: Sequence[float]) -> list[int]:
    """Check costs at these prices, one a day, read in any order; return the days of the violations."""
    check, start = PriceCheck(Price(TODAY)), datetime(2026, 11, 1, tzinfo=UTC)
    costs = [
        paid
        for day, price in enumerate(prices)
        for paid in PaidTime.of(str(day), start + timedelta(days=day), SECONDS, Price(price).microusd(SECONDS))
    ]
    found = [one for paid in (*costs[1::2], *costs[::2]) for one in check.add(paid)]
    return sorted(int(violation.id) for _, violation in (*found, *check.end()))


@pytest.mark.parametrize(
    ("prices", "wrong"),
    [
        ([TODAY, TODAY, TODAY], []),
        ([EARLIER, TODAY, TODAY], []),
        ([EARLIER, EARLIER, TODAY], []),
        ([EARLIER, OTHER, TODAY], []),
        ([EARLIER, EARLIER, OTHER], []),
        ([TODAY, EARLIER, EARLIER, TODAY], []),
        ([TODAY, OTHER, TODAY], [1]),
        ([TODAY, OTHER], [1]),
        ([EARLIER, OTHER, EARLIER, TODAY], [1]),
    ],
)
def test_a_price_of_one_cost_is_wrong_while_another_is_in_force(prices: Sequence[float], wrong: list[int]) -> None:
    assert violations(prices) == wrong


def test_a_cost_without_time_is_wrong() -> None:
    check = PriceCheck(Price(TODAY))
    paid = PaidTime("e", datetime(2026, 11, 1, tzinfo=UTC), 0.0, 5)
    assert len([*check.add(paid)]) == 1
    assert [*check.end()] == []
