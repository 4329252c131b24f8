"""The quota unit of a generation: it is held, then spent or released."""

from typing import Annotated, Final, Literal

from events.event import Event, OmittedIfNone
from events.event_type import EventType

_PERIOD: Final = "2026-01"


class QuotaReserved(Event, name="generation.quota_reserved"):
    """One unit of `period` and one slot are held; used and slots include them; None: no limit.

    hold: random token of the hold in the ledger; a later hold for the same generation has another.
    """

    period: str
    used: int
    limit: int | None
    slots: int
    slot_limit: int | None
    hold: Annotated[str | None, OmittedIfNone] = None


class QuotaSettled(Event, name="generation.quota_settled"):
    """The slot is released; the unit is spent or released."""

    period: str
    outcome: Literal["spent", "released"]


QuotaEvent = QuotaReserved | QuotaSettled

QUOTA: Final = (
    EventType(
        writer="quota",
        sample=QuotaReserved(period=_PERIOD, used=1, limit=100, slots=1, slot_limit=1),
        queues=("invocation",),
        decided_by=("quota",),
        subscribers=("projector",),
    ),
    EventType(
        writer="quota, called for a message or by a subscriber",
        sample=QuotaSettled(period=_PERIOD, outcome="spent"),
        decided_by=("quota",),
        subscribers=("projector",),
    ),
)
