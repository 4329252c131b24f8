import re
from datetime import UTC, datetime

import pytest

from domain.accounts.limits import LimitStatus, TokenBucket, block_of, headers
from domain.accounts.tiers import TIERS, Tier

NOW = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)
# RFC 9651: a list of strings with integer and string parameters, which is all that the draft allows here.
ITEM = r'"[a-z]+"(;[a-z]+=(\d{1,15}|"[a-z-]+"))+'
LIST = re.compile(rf"{ITEM}(, {ITEM})*")


def fields_of(tier: str, limits: LimitStatus) -> dict[str, str]:
    return dict(headers(TIERS[tier], limits, NOW))


def test_the_free_tier_reports_all_three_limits() -> None:
    assert fields_of("free_starter", LimitStatus(monthly=40, concurrent=1, requests_left=997)) == {
        "RateLimit-Policy": '"monthly";q=100;w=2592000, "concurrent";q=1;qu="concurrent-requests", '
        '"daily";q=1000;w=86400',
        "RateLimit": '"monthly";r=60;t=30, "concurrent";r=0, "daily";r=997;t=30',
        "X-RateLimit-Limit": "1000",
        "X-RateLimit-Remaining": "997",
        "X-RateLimit-Reset": str(int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())),
    }


def test_unlimited_limits_are_left_out() -> None:
    fields = fields_of("cloud_premium", LimitStatus(5_000, 3, 1))
    assert "monthly" not in fields["RateLimit-Policy"] + fields["RateLimit"]
    assert fields_of("internal", LimitStatus(5, 5, None)) == {}


def test_a_tier_without_a_daily_limit_has_no_x_fields() -> None:
    tier = Tier("own", monthly=None, concurrent=2, daily_requests=None, projects=None)
    assert dict(headers(tier, LimitStatus(9, 1, None), NOW)) == {
        "RateLimit-Policy": '"concurrent";q=2;qu="concurrent-requests"',
        "RateLimit": '"concurrent";r=1',
    }


def test_after_a_downgrade_the_remainder_is_zero_and_not_negative() -> None:
    fields = fields_of("free_starter", LimitStatus(monthly=700, concurrent=3, requests_left=0))
    assert fields["RateLimit"].startswith('"monthly";r=0;t=30, "concurrent";r=0')


@pytest.mark.parametrize("tier", ["free_starter", "cloud_starter", "cloud_premium"])
def test_the_fields_are_structured_lists_of_strings(tier: str) -> None:
    fields = fields_of(tier, LimitStatus(1, 1, 1))
    assert LIST.fullmatch(fields["RateLimit-Policy"])
    assert LIST.fullmatch(fields["RateLimit"])


@pytest.mark.parametrize(("limit", "block"), [(0, 1), (40, 1), (1_000, 10), (10_000, 100), (10**6, 100)])
def test_a_block_is_a_hundredth_of_the_day_and_at_most_a_hundred(limit: int, block: int) -> None:
    assert block_of(limit) == block


def test_a_token_bucket_counts_reservations_of_others_as_used() -> None:
    bucket = TokenBucket("2026-11-30", 1_000)
    bucket.put(10, 30, NOW)
    assert bucket.spend(NOW)
    assert bucket.left == 1_000 - 30 + 9
    assert (bucket.empty(), bucket.tokens, bucket.left) == (9, 0, 979)
