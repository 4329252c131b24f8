"""Limits of a developer as response headers, and the token bucket that counts a day's requests.

Fields: `X-RateLimit-Limit/-Remaining/-Reset` for the day's requests (Reset is Unix time), and for every
limit of the tier `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10: a structured
list of names with `q` quota, `w` window in seconds, `qu` unit, `r` remaining, `t` seconds to the reset).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from domain.accounts.quota import next_day, seconds_of_period, seconds_to_next_day, seconds_to_next_period
from domain.accounts.tiers import Tier

DAY_SECONDS = 86_400
LARGEST_BLOCK = 100


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """The usage of a developer: generations this month, slots now, requests left today (None: unlimited)."""

    monthly: int
    concurrent: int
    requests_left: int | None


@dataclass(frozen=True, slots=True)
class Policy:
    """One limit; `window` and `reset` in seconds, None where there is none."""

    name: str
    quota: int
    remaining: int
    window: int | None = None
    reset: int | None = None
    unit: str | None = None
    """A string of the structured fields, with its quotation marks."""


def policies(tier: Tier, status: LimitStatus, now: datetime) -> list[Policy]:
    """List the limits of a tier with what is left of each; unlimited ones are left out."""
    found: list[Policy] = []
    if tier.monthly is not None:
        left = max(0, tier.monthly - status.monthly)
        window, reset = seconds_of_period(now), seconds_to_next_period(now)
        found.append(Policy("monthly", tier.monthly, left, window, reset))
    if tier.concurrent is not None:
        left = max(0, tier.concurrent - status.concurrent)
        found.append(Policy("concurrent", tier.concurrent, left, unit='"concurrent-requests"'))
    if tier.daily_requests is not None:
        left = min(tier.daily_requests, max(0, status.requests_left or 0))
        found.append(Policy("daily", tier.daily_requests, left, DAY_SECONDS, seconds_to_next_day(now)))
    return found


def headers(tier: Tier, status: LimitStatus, now: datetime) -> Mapping[str, str]:
    """Return the limits as header fields; none for a tier without limits."""
    listed = policies(tier, status, now)
    if not listed:
        return {}
    fields = {
        "RateLimit-Policy": ", ".join(_item(one.name, q=one.quota, qu=one.unit, w=one.window) for one in listed),
        "RateLimit": ", ".join(_item(one.name, r=one.remaining, t=one.reset) for one in listed),
    }
    for policy in listed:
        if policy.name == "daily":
            fields["X-RateLimit-Limit"] = str(policy.quota)
            fields["X-RateLimit-Remaining"] = str(policy.remaining)
            fields["X-RateLimit-Reset"] = str(int(next_day(now).timestamp()))
    return fields


def block_of(limit: int) -> int:
    """Return how many requests a process reserves at once: a hundredth of the day's, at most 100."""
    return max(1, min(LARGEST_BLOCK, ceil(limit / 100)))


@dataclass(slots=True)
class TokenBucket:
    """The requests that one process has reserved for one developer, day and limit.

    `taken` is what all processes had reserved when this one last read it.
    """

    day: str
    limit: int
    tokens: int = 0
    taken: int = 0
    seen_at: datetime | None = None
    spent_at: datetime | None = None
    empty_at: datetime | None = None

    def put(self, tokens: int, taken: int, now: datetime) -> None:
        """Add a reserved block; a block without tokens means that the day is used up."""
        self.tokens += tokens
        self.taken, self.seen_at = taken, now
        self.empty_at = None if tokens else now

    def spend(self, now: datetime) -> bool:
        """Spend one request; False when nothing is reserved."""
        if self.tokens == 0:
            return False
        self.tokens -= 1
        self.spent_at = now
        return True

    @property
    def left(self) -> int:
        """The requests that are certainly left; what others have reserved counts as used."""
        return max(0, self.limit - self.taken) + self.tokens

    def empty(self) -> int:
        """Remove and return all tokens."""
        tokens, self.tokens = self.tokens, 0
        self.taken -= tokens
        return tokens


def _item(name: str, **parameters: int | str | None) -> str:
    written = [f";{key}={value}" for key, value in parameters.items() if value is not None]
    return f'"{name}"{"".join(written)}'
