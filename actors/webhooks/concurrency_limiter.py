from collections import Counter
from dataclasses import dataclass, field

from domain.webhooks.delivery import Delivery
from store.webhooks.deliveries import AtLimit
from store.webhooks.settings import WebhookSettings

_SLOW_HOSTS = 10_000


@dataclass(slots=True)
class ConcurrencyLimiter:
    """Count attempts in progress by developer, end user, project, host, and the last two together.

    Slow receivers delay no others: no developer has more attempts in progress than are left for others, so that one
    alone has half of them, three have a quarter each, and the last quarter waits for a fourth. A host whose last
    response was slow, or that did not respond, gets fewer attempts at once.
    """

    webhook_settings: WebhookSettings
    _developers: Counter[str] = field(default_factory=Counter)
    _users: Counter[str] = field(default_factory=Counter)
    _hosts: Counter[str] = field(default_factory=Counter)
    _projects: Counter[str] = field(default_factory=Counter)
    _pairs: Counter[str] = field(default_factory=Counter)
    _slow: dict[str, None] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Return how many more attempts fit into this process."""
        return self.webhook_settings.at_once - self._projects.total()

    @property
    def at_limit(self) -> AtLimit:
        """Return what has as many attempts in progress as it may."""
        limits = self.webhook_settings
        return AtLimit(
            hosts=frozenset(host for host, count in self._hosts.items() if count >= self._limit_of(host)),
            projects=_full(self._projects, limits.at_once_per_project),
            pairs=_full(self._pairs, limits.at_once_per_project_and_host),
            developers=_full(self._developers, self.free),
            users=_full(self._users, limits.at_once_per_user) - {""},
        )

    def acquire(self, delivery: Delivery) -> bool:
        """Count one more attempt, if it fits."""
        if self.free <= 0 or self.at_limit.includes(delivery):
            return False
        self._count(delivery, 1)
        return True

    def release(self, delivery: Delivery) -> bool:
        """Count one attempt less; tell whether another delivery may have waited for that."""
        was_limiting = self.free <= 0 or self.at_limit != AtLimit()
        self._count(delivery, -1)
        return was_limiting

    def note_response(self, host: str, *, slow: bool) -> None:
        """Remember whether a host responded slowly; above 10,000 slow hosts the oldest is forgotten."""
        self._slow.pop(host, None)
        if slow:
            self._slow[host] = None
        if len(self._slow) > _SLOW_HOSTS:
            del self._slow[next(iter(self._slow))]

    def _limit_of(self, host: str) -> int:
        limit = self.webhook_settings.at_once_per_host
        return min(limit, self.webhook_settings.at_once_per_slow_host) if host in self._slow else limit

    def _count(self, delivery: Delivery, change: int) -> None:
        counts = (
            (self._developers, delivery.payer),
            (self._users, delivery.user),
            (self._hosts, delivery.host),
            (self._projects, delivery.project),
            (self._pairs, delivery.pair),
        )
        for counter, key in counts:
            counter[key] += change
            if not counter[key]:
                del counter[key]


def _full(counter: Counter[str], limit: int) -> frozenset[str]:
    return frozenset(key for key, count in counter.items() if count >= limit)
