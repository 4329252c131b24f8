"""What the header `Date` of responses tells about the provider's clock."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.providers.provider_clock import ProviderClock
from tests.builders.clock import Clock

RESOLUTION = timedelta(seconds=1)
SPANS = st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400))
WAITS = st.floats(min_value=0, max_value=7_200)


def told(clock: Clock, offset: timedelta) -> ProviderClock:
    """Make the clock of a provider that is ahead by an offset and has answered just now."""
    provider = ProviderClock(clock, clock.monotonic)
    provider.learn(format_datetime(clock() + offset, usegmt=True))
    return provider


@given(offset=SPANS, step=SPANS, wait=WAITS)
def test_its_time_passes_whatever_happens_to_our_clock(offset: timedelta, step: timedelta, wait: float) -> None:
    clock = Clock()
    there, provider = clock() + offset, told(clock, offset)
    clock.step(seconds=step.total_seconds())
    clock.forward(seconds=wait)
    now = provider.now()
    assert now is not None
    assert abs(now - there - timedelta(seconds=wait)) <= RESOLUTION


@given(offset=SPANS, ago=WAITS, wait=WAITS)
def test_a_time_of_our_clock_is_found_there_however_far_both_differ(offset: timedelta, ago: float, wait: float) -> None:
    clock = Clock()
    moment, provider = clock() - timedelta(seconds=ago), told(clock, offset)
    clock.forward(seconds=wait)
    first, last = provider.bounds(moment)
    assert first - RESOLUTION <= moment + offset <= last + RESOLUTION


@given(step=SPANS, wait=WAITS)
def test_a_time_of_a_right_clock_is_found_there_although_it_was_set_since(step: timedelta, wait: float) -> None:
    clock = Clock()
    moment, provider = clock(), told(clock, timedelta())
    clock.step(seconds=step.total_seconds())
    clock.forward(seconds=wait)
    first, last = provider.bounds(moment)
    assert first <= moment <= last


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 99 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 12:00:00"])
def test_a_missing_or_damaged_date_tells_nothing(date: str | None) -> None:
    clock = Clock()
    provider = ProviderClock(clock, clock.monotonic)
    provider.learn(date)
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    assert (provider.now(), provider.bounds(moment)) == (None, (moment, moment))
