from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts.quota import period_of, seconds_to_next_period

MOMENTS = st.integers(1_600_000_000_000_000, 3_600_000_000_000_000).map(
    lambda microseconds: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
)


def test_a_unit_belongs_to_the_calendar_month_in_utc() -> None:
    auckland = timezone(timedelta(hours=13))
    assert period_of(datetime(2026, 12, 1, 5, tzinfo=auckland)) == "2026-11"


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), 1),
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC), 1),
        (datetime(2026, 11, 30, 23, 59, 58, 1, tzinfo=UTC), 2),
        (datetime(2026, 11, 1, tzinfo=UTC), 30 * 86_400),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), 3600),
        (datetime(2028, 2, 28, tzinfo=UTC), 2 * 86_400),
        (datetime(2026, 12, 1, 5, tzinfo=timezone(timedelta(hours=13))), 8 * 3600),
    ],
    ids=str,
)
def test_the_wait_for_a_new_month_is_exact(now: datetime, seconds: int) -> None:
    assert seconds_to_next_period(now) == seconds


@given(MOMENTS)
def test_the_wait_ends_in_the_first_second_of_the_next_month(now: datetime) -> None:
    wait = timedelta(seconds=seconds_to_next_period(now))
    assert period_of(now + wait) != period_of(now)
    assert wait == timedelta(seconds=1) or period_of(now + wait - timedelta(seconds=1)) == period_of(now)
