"""The queue of generations that wait for a slot of their developer, and whose turn it is.

Users take turns: a free slot goes to the user who was given none for longest, or who began to wait first. So between
two turns of a user who waits, every other user has one turn at most, however many generations they submit.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MOST_QUEUED: Final = 1_000
"""So many generations of a developer may wait for a slot, whatever the tier allows."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A generation that waits for a slot of its developer.

    number: its place among the arrivals and turns of the developer; the turn of a user gives the next number to what
    the user has left in the queue.
    """

    generation: str
    user: str
    since: datetime
    number: int


def in_turn(queue: Sequence[Waiting]) -> list[Waiting]:
    """Order a queue, which lists arrivals, as slots will be given; each user's own stay in order."""
    first, before, rank = dict[str, int](), Counter[str](), list[tuple[int, int, Waiting]]()
    for one in queue:
        rank.append((before[one.user], first.setdefault(one.user, one.number), one))
        before[one.user] += 1
    return [one for *_, one in sorted(rank, key=lambda ranked: ranked[:2])]
