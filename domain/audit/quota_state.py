"""A developer's quota in the log: folded from their own stream and those of their generations, in recorded order.

A developer has used one unit of its month for every generation that runs or has spent it, and holds one slot for
every running one; `exemplar quota check` counts the same. Only what may still change is kept, so the size of the
state does not grow with the history.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from domain.accounts import developer as developers
from domain.accounts.developer import Developer
from domain.audit.subjects import View
from domain.generation.fold import advance
from domain.generation.generation import Generation, id_of
from domain.generation.lifecycle import is_queued
from domain.generation.timings import keeps_unit
from events.envelope import RecordedEvent, format_time
from events.generation import GenerationRequested
from events.quota import QuotaReserved


@dataclass(slots=True)
class QuotaState:
    """The fold of one developer's events.

    spent: units by month of generations that are final for good; open: the others. limits: those with which the last
    unit was reserved, None when the tier has changed since. damaged: streams that could not be read.
    """

    developer_id: str
    developer: Developer | None = None
    spent: Counter[str] = field(default_factory=Counter)
    open: dict[str, Generation] = field(default_factory=dict)
    limits: View | None = None
    damaged: set[str] = field(default_factory=set)

    def add(self, recorded: RecordedEvent) -> None:
        """Apply one event; those of others and of what is settled change nothing."""
        if recorded.stream in self.damaged:
            return
        if developers.developer_of(recorded.stream) is not None:
            self._add_own(recorded)
            return
        name = id_of(recorded.stream)
        generation = self.open.get(name)
        if generation is None and not self._begins(recorded):
            return
        self._keep(advance(generation, recorded))
        if isinstance(recorded.event, QuotaReserved):
            event = recorded.event
            self.limits = {"monthly": event.limit, "concurrent": event.slot_limit}

    def skip(self, stream: str) -> None:
        """Leave out a stream of which a commit cannot be read."""
        self.damaged.add(stream)
        self.open.pop(id_of(stream), None)

    def view(self) -> View | None:
        """Show the quota; None while the developer is not registered."""
        if self.developer is None:
            return None
        return {
            "tier": self.developer.tier,
            "limits": self.limits,
            "used": dict(sorted(self._used().items())),
            "slots": [_slot(one) for one in self._running() if not is_queued(one)],
            "queue": [_slot(one) for one in self._running() if is_queued(one)],
            "damaged": sorted(self.damaged),
        }

    def _add_own(self, recorded: RecordedEvent) -> None:
        before = self.developer
        self.developer = developers.evolve(before, recorded)
        if before is not None and before.tier != self.developer.tier:
            self.limits = None

    def _begins(self, recorded: RecordedEvent) -> bool:
        event = recorded.event
        return isinstance(event, GenerationRequested) and event.owner.developer == self.developer_id

    def _keep(self, generation: Generation) -> None:
        """Keep a generation while its unit or its slot may change."""
        if not generation.final or (generation.status == "failed" and generation.quota == "held"):
            self.open[generation.id] = generation
            return
        self.open.pop(generation.id, None)
        self.spent[generation.request.period] += keeps_unit(generation)

    def _running(self) -> Collection[Generation]:
        """List those that are not final, the oldest first."""
        return sorted((one for one in self.open.values() if not one.final), key=lambda g: (g.created_at, g.id))

    def _used(self) -> Counter[str]:
        return +(self.spent + Counter(one.request.period for one in self._running()))


def _slot(g: Generation) -> View:
    owner = g.request.owner
    return {
        "generation": g.id,
        "project": owner.project,
        "user": owner.user,
        "since": format_time(g.created_at),
        "period": g.request.period,
    }
