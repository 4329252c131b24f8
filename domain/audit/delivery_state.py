"""What the stream of a webhook's attempts says of the deliveries of one generation to one endpoint."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from events.envelope import RecordedEvent
from events.webhook import DeliveryEvent, DeliveryExhausted, DeliveryFailed

KEPT_ATTEMPTS: Final = 200
"""The newest attempts of a delivery that its state holds; a row holds fewer."""


class KnownAttempt(NamedTuple):
    """One attempt; `error` None: the receiver accepted it."""

    number: int
    status: int | None
    error: str | None
    milliseconds: int


@dataclass(slots=True)
class DeliveryHistory:
    """The attempts of one delivery; it may have succeeded and, after a restart, been exhausted as well."""

    event: str
    attempts: list[KnownAttempt] = field(default_factory=list)
    delivered: bool = False
    exhausted: bool = False


DeliveryHistories = dict[str, DeliveryHistory]


def evolve_deliveries(known: DeliveryHistories | None, recorded: RecordedEvent) -> DeliveryHistories:
    """Apply one recorded event, in place."""
    known = {} if known is None else known
    event = cast("DeliveryEvent", recorded.event)
    history = known.setdefault(event.delivery, DeliveryHistory(event.event))
    if isinstance(event, DeliveryExhausted):
        history.exhausted = True
        return known
    error = event.code if isinstance(event, DeliveryFailed) else None
    history.attempts.append(KnownAttempt(event.attempt, event.status, error, event.milliseconds))
    del history.attempts[:-KEPT_ATTEMPTS]
    history.delivered = history.delivered or error is None
    return known
