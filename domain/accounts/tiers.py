"""Tiers: the limits of a developer's account, shared by all its projects."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from domain.errors import TierError

Bound = Literal["monthly", "concurrent", "daily_requests", "projects", "uncharged", "queued"]


@dataclass(frozen=True, slots=True)
class Tier:
    """Limits of a developer; None means unlimited.

    Generations in a calendar month (UTC), generations at once, API requests a day, projects; `uncharged`: runs of
    a month that cost no unit although the provider is paid, because their client ended them or they were withheld;
    `queued`: generations that may wait for a slot, of requests that prefer it.
    """

    name: str
    monthly: int | None
    concurrent: int | None
    daily_requests: int | None
    projects: int | None
    uncharged: int | None = None
    queued: int | None = 0


TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("free_starter", 100, 1, daily_requests=1_000, projects=3, uncharged=10, queued=5),
            Tier("cloud_starter", 1_000, 3, daily_requests=10_000, projects=10, uncharged=100, queued=20),
            Tier("cloud_premium", monthly=None, concurrent=10, daily_requests=100_000, projects=100, queued=100),
            Tier("internal", monthly=None, concurrent=None, daily_requests=None, projects=None),
        )
    }
)


def tiers_with(overrides: Mapping[str, Mapping[Bound, int | None]]) -> Mapping[str, Tier]:
    """Override single limits of the tiers; a new tier starts from free_starter."""
    changed = {}
    for name, bounds in overrides.items():
        limits = {str(bound): limit for bound, limit in bounds.items()}
        changed[name] = replace(TIERS.get(name, TIERS["free_starter"]), name=name, **limits)
    return MappingProxyType({**TIERS, **changed})


def tier_of(name: str, tiers: Mapping[str, Tier]) -> Tier:
    """Find a configured tier; TierError for another name."""
    found = tiers.get(name)
    if found is None:
        raise TierError(name)
    return found
