"""What the usage route answers."""

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from gateway.openapi.values import Day, Time, Uuid
from store.quota.usage import Dimension


class UsageCounts(TypedDict):
    """Generations by status; `units`: what counts against the month, `cost_usd`: what they cost."""

    generations: int
    completed: int
    failed: int
    running: int
    units: int
    cost_usd: float


class UsageLine(UsageCounts):
    """The counts of one group, with the dimensions that were asked for; the key is null where none was sent."""

    project_id: NotRequired[Uuid]
    user_id: NotRequired[Uuid]
    day: NotRequired[Day]
    month: NotRequired[str]
    api_key_id: NotRequired[str | None]


class UsageLimit(TypedDict):
    """A limit of the tier, what is left of it for all users of the developer, and when it starts anew."""

    limit: int
    remaining: int
    resets_at: NotRequired[Time]


UsageReport = TypedDict(
    "UsageReport",
    {
        "from": Day,
        "to": Day,
        "by": Sequence[Dimension],
        "totals": UsageCounts,
        "usage": Sequence[UsageLine],
        "tier": NotRequired[str],
        "limits": NotRequired[Mapping[Literal["monthly", "concurrent", "daily"], UsageLimit]],
    },
)
UsageReport.__doc__ = (
    "Generations of a range of days, in groups, and the limits, which all users of a developer share; for a developer"
    " the tier."
)
