"""given(events).when(decision).then(events): how a test of a decision reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from events.event import Event

State = TypeVar("State")


def allow_all(state: object, event: Event) -> None:
    """Check nothing: for streams whose fold alone refuses an event."""


@dataclass(frozen=True)
class Given(Generic[State]):
    """Events that are in the stream already; `fold` makes the state of a stream of plain events."""

    events: tuple[Event, ...]
    fold: Callable[[Sequence[Event]], State]
    check: Callable[[State, Event], None] = allow_all

    @property
    def state(self) -> State:
        return self.fold(self.events)

    def when(self, decision: Callable[[State], Sequence[Event]]) -> "Decided[State]":
        return Decided(self, tuple(decision(self.state)))


@dataclass(frozen=True)
class Decided(Generic[State]):
    """The events that a decision returned."""

    given: Given[State]
    events: tuple[Event, ...]

    def then(self, *expected: Event) -> State:
        """Compare, check that each event is allowed, and return the state after them."""
        assert self.events == expected
        after = self.given.events
        for event in self.events:
            self.given.check(self.given.fold(after), event)
            after = (*after, event)
        return self.given.fold(after)

    def then_nothing(self) -> State:
        return self.then()
