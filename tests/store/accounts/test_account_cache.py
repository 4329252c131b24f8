"""What access decisions read is kept for a second, and not beyond a change in the process."""

import pytest

from store.accounts.account_cache import LONGEST_SECONDS, AccountCache
from tests.builders.clock import Monotonic


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def cache(monotonic: Monotonic) -> AccountCache:
    return AccountCache(monotonic)


def keep(cache: AccountCache, read_at: float, key: str = "key") -> None:
    cache.keep(key, "value", accounts=("developer", "user"), read_at=read_at)


def test_what_was_read_is_kept_for_at_most_a_second_from_before_its_query(
    cache: AccountCache, monotonic: Monotonic
) -> None:
    keep(cache, read_at=monotonic.now)
    monotonic.now += LONGEST_SECONDS
    assert cache.find("key") == "value"
    monotonic.now += 0.001
    assert cache.find("key") is None
    assert LONGEST_SECONDS <= 1


@pytest.mark.parametrize("account", ["developer", "user"])
def test_a_change_excludes_what_was_read_before_it(cache: AccountCache, monotonic: Monotonic, account: str) -> None:
    keep(cache, read_at=monotonic.now)
    monotonic.now += 0.1
    cache.changed(account)
    assert cache.find("key") is None


def test_a_change_excludes_a_read_that_was_under_way(cache: AccountCache, monotonic: Monotonic) -> None:
    begun = monotonic.now
    monotonic.now += 0.1
    cache.changed("developer")
    monotonic.now += 0.1
    keep(cache, read_at=begun)
    assert cache.find("key") is None
    keep(cache, read_at=monotonic.now)
    assert cache.find("key") == "value"


def test_a_change_of_another_account_excludes_nothing(cache: AccountCache, monotonic: Monotonic) -> None:
    keep(cache, read_at=monotonic.now)
    cache.changed("another")
    assert cache.find("key") == "value"


def test_a_change_is_remembered_as_long_as_what_was_read_before_it(cache: AccountCache, monotonic: Monotonic) -> None:
    begun = monotonic.now
    cache.changed("user")
    monotonic.now += LONGEST_SECONDS
    cache.changed("another")
    keep(cache, read_at=begun)
    assert cache.find("key") is None


def test_its_size_is_bounded(cache: AccountCache, monotonic: Monotonic) -> None:
    for number in range(5000):
        keep(cache, read_at=monotonic.now, key=str(number))
        cache.changed(f"changed {number}")
        monotonic.now += 0.01
    assert len(cache._entries) <= 4096
    assert len(cache._changed) <= 102


def test_what_was_used_ages_after_half_of_its_time(cache: AccountCache, monotonic: Monotonic) -> None:
    for key in ("used", "unused", "fresh"):
        monotonic.now += 0.3
        keep(cache, read_at=monotonic.now, key=key)
    cache.find("used")
    cache.find("fresh")
    assert cache.aging(str, 9) == ["used"]
    assert cache.aging(int, 9) == []
    assert cache.aging(str, 0) == []
    monotonic.now += LONGEST_SECONDS / 2
    assert cache.aging(str, 9) == ["used", "fresh"], "a short while ago it was in use"
    monotonic.now += LONGEST_SECONDS
    assert cache.aging(str, 9) == ["fresh"]
    assert cache.find("fresh") is None
