"""Which deliveries of an endpoint are listed, counted or sent again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.webhooks.delivery import Delivery, DeliveryState, EndReason

OWNER_DELETED: Final[frozenset[EndReason]] = frozenset({"generation_deleted", "user_deleted", "project_deleted"})
"""Reasons after which a delivery keeps neither its receiver's host nor its responses, and is never sent again."""

NOT_DELIVERED: Final[frozenset[DeliveryState]] = frozenset({"failed", "skipped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Conditions that a delivery meets all of; None: any. Times are those of the events, from `since` to `before`."""

    states: Collection[DeliveryState] | None = None
    types: Collection[str] | None = None
    generations: Collection[str] | None = None
    ids: Collection[str] | None = None
    since: datetime | None = None
    before: datetime | None = None

    def includes(self, delivery: Delivery) -> bool:
        """Tell whether a delivery meets the conditions."""
        named = (
            (self.states, delivery.state),
            (self.types, delivery.type),
            (self.generations, delivery.generation),
            (self.ids, delivery.id),
        )
        if any(wanted is not None and value not in wanted for wanted, value in named):
            return False
        late = self.since is None or delivery.event_time >= self.since
        return late and (self.before is None or delivery.event_time < self.before)


def restartable(delivery: Delivery) -> bool:
    """Tell whether a delivery may be sent again: it has ended, and its owner is not deleted."""
    return delivery.state != "pending" and not delivery.example and delivery.reason not in OWNER_DELETED
