"""What differs between two views, and which events caused it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from domain.audit.subjects import Kind, View, erased_in
from events.envelope import RecordedEvent, format_time

MAX_CAUSES = 500
"""How many causing events a difference names: the first ones."""


@dataclass(slots=True)
class Difference:
    """Collects the events that change a view, in order; `more`: some are not named.

    start: the first view; view: the one after the last event.
    """

    start: View | None
    view: View | None
    causes: list[View] = field(default_factory=list)
    more: bool = False

    @classmethod
    def of(cls, view: View | None) -> "Difference":
        return cls(view, view)

    @property
    def changes(self) -> View:
        """The changes that remain of all events."""
        return changes(self.start, self.view)

    def add(self, recorded: RecordedEvent, view: View | None) -> None:
        """Add the next event and the view after it; one that changes nothing is no cause."""
        changed, self.view = sorted(changes(self.view, view)), view
        if changed and len(self.causes) < MAX_CAUSES:
            self.causes.append(_cause(recorded, changed))
        elif changed:
            self.more = True


def between(kind: Kind, events: Sequence[RecordedEvent], since: int, until: int) -> Difference:
    """Compare two versions of a whole stream."""
    erased = erased_in(events)
    state, difference = reduce(kind.evolve, events[:since], None), Difference.of(kind.view_of(events[:since], erased))
    for recorded in events[since:until]:
        state = kind.evolve(state, recorded)
        difference.add(recorded, kind.view(state, erased))
    return difference


def changes(before: View | None, after: View | None) -> View:
    """Map each field that differs to its values before and after; None where there was nothing."""
    old, new = before or {}, after or {}
    names: Sequence[str] = [*old, *(name for name in new if name not in old)]
    return {
        name: {"from": old.get(name), "to": new.get(name)}
        for name in names
        if old.get(name) != new.get(name) or (name in old) != (name in new)
    }


def _cause(recorded: RecordedEvent, changed: Sequence[str]) -> View:
    return {
        "id": recorded.id,
        "type": recorded.type,
        "occurred_at": format_time(recorded.time),
        "actor": recorded.cause.actor,
        "request_id": recorded.cause.request_id,
        "changed": changed,
    }
