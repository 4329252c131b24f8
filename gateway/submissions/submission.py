"""Who submits what under which id."""

from dataclasses import dataclass
from datetime import timedelta

from domain.accounts.access import Identity
from domain.errors import LimitError
from gateway.submissions.content import Retry
from store.quota.ledger import Bounds


@dataclass(frozen=True, slots=True)
class Request:
    """Who submits under which id; `key` is the client's Idempotency-Key, if any.

    `overdrawn` says that the day's requests are used up: then only a replay is answered. `cancel_after` is
    how long the client would wait, `retry` which generation is made once more.
    """

    identity: Identity
    generation_id: str
    key: str | None
    request_id: str
    traceparent: str | None = None
    overdrawn: LimitError | None = None
    cancel_after: timedelta | None = None
    retry: Retry | None = None

    def timeouts(self, ours: timedelta) -> timedelta | None:
        """How long the client would wait, if that is less than we would."""
        return self.cancel_after if self.cancel_after is not None and self.cancel_after < ours else None

    @property
    def bounds(self) -> Bounds:
        """What the tier of the developer allows."""
        return Bounds(monthly=self.identity.tier.monthly, concurrent=self.identity.tier.concurrent)
