from datetime import UTC, datetime

from events.commit import Commit, commit_of
from events.envelope import Cause
from events.event import Event
from events.invocation import GenerationProgressed, InvocationLost
from events.owner import CancelRequested

TABLE = {
    "validation": ("generation.progressed",),
    "quota": ("generation.progressed", "generation.cancel_requested"),
    "projector": ("generation.#",),
}


class Commits:
    """Make commits of new streams; every stream gets one commit unless a test names it."""

    def __init__(self) -> None:
        self._made = 0

    def of(self, *events: Event, stream: str = "", after: int = 0) -> Commit:
        self._made += 1
        return commit_of(
            stream or f"generation-{self._made}",
            after,
            events,
            cause=Cause(actor="user:u"),
            time=datetime(2026, 1, 2, tzinfo=UTC),
            writer="w",
        )

    def progressed(self, percent: int = 1) -> Commit:
        return self.of(GenerationProgressed(percent=percent))

    def cancelled(self) -> Commit:
        return self.of(CancelRequested())

    def lost(self) -> Commit:
        return self.of(InvocationLost(attempt=1))
