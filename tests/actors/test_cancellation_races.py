"""A cancel request before and after every event of a generation, with and without messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from actors.handlers import cancellation
from actors.subscriptions import QUEUES
from domain.generation import decisions, invocation
from domain.generation.generation import Generation, State, stream_of
from domain.generation.lifecycle import Timeouts
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.generation import GenerationCompleted, GenerationFailed
from store.commits.memory import MemoryEventStore
from store.generations.generations import Decided, Decision, Generations
from tests.actors.calls import call
from tests.builders.generation import (
    ID,
    MODEL,
    ONE_OF_EACH,
    PICTURE,
    RESERVED,
    START,
    VALIDATED,
    requested,
    settled,
)

CAUSE = Cause(actor="actor:test")
RACED = (
    "generation.validated",
    "generation.quota_reserved",
    "generation.invocation_intended",
    "generation.started",
    "generation.progressed",
    "generation.prediction_settled",
    "generation.completed",
)


@dataclass
class Racing(MemoryEventStore):
    """Runs `other` right before, or right after, the first append of one type of event."""

    raced: str
    when: str
    other: Any = None
    fired: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    async def append(self, stream: str, expected_version: int, events: Sequence[Event], **options: Any) -> Commit:
        now = not self.fired and any(event.type == self.raced for event in events)
        if now and self.when == "before":
            await self._fire()
        commit = await super().append(stream, expected_version, events, **options)
        if now and self.when == "after":
            await self._fire()
        return commit

    async def _fire(self) -> None:
        self.fired = True
        await self.other()


@dataclass
class Upstream:
    """One paid prediction at most; `calls` lists its state at each cancellation."""

    state: str = "none"
    calls: list[str] = field(default_factory=list)

    async def cancel(self, prediction: str) -> None:
        assert prediction == "p1"
        self.calls.append(self.state)
        if self.state == "running":
            self.state = "canceled"


class Race:
    """The decisions of the actors in order, on one store, with a provider."""

    def __init__(self, raced: str, when: str, *, messages: bool) -> None:
        self.upstream, self._messages = Upstream(), messages
        self.store = Racing(raced, when, self._cancel)
        self.generations = Generations(self.store, announce=lambda _: None, clock=lambda: START)
        self._handled = 0
        self.state_at_cancel: Generation | None = None

    async def _cancel(self) -> None:
        self.state_at_cancel = await self.generations.load(ID)
        await self.generations.decide(ID, decisions.cancel, cause=CAUSE)
        await self.generations.decide(ID, decisions.cancel, cause=CAUSE)  # idempotent

    async def decide(self, decision: Decision) -> Decided:
        decided = await self.generations.decide(ID, decision, cause=CAUSE)
        assert decided is not None
        if self._messages:
            await self.follow()
        return decided

    async def follow(self) -> None:
        """Run the cancellation actor on every event so far."""
        for commit in await self.store.read(stream_of(ID)):
            for event in commit.events:
                if event.type in QUEUES["cancellation"]:
                    await call(cancellation.handle, event, generations=self.generations, provider=self.upstream)

    async def go(self) -> None:
        await self.generations.begin(ID, requested(), cause=CAUSE)
        await self.decide(partial(decisions.validate, validated=VALIDATED))
        await self.decide(partial(decisions.reserve, reserved=RESERVED))
        claimed = await self.decide(partial(invocation.intend, now=START, timeouts=Timeouts()))
        if claimed.events:
            self.upstream.state = "running"
            await self.decide(partial(invocation.start, attempt=1, prediction="p1", model=MODEL))
            await self.decide(partial(invocation.progress, prediction="p1", percent=50))
            await self.follow()  # at the latest the subscriber has come so far
            await self._end_upstream()
        await self.follow()

    async def _end_upstream(self) -> None:
        outcome = "canceled" if self.upstream.state == "canceled" else "succeeded"
        self.upstream.state = "canceled" if outcome == "canceled" else "over"
        over = settled(outcome=outcome)
        await self.decide(partial(invocation.settle_prediction, settled=over, model=MODEL))
        await self.decide(partial(decisions.complete, pictures=[PICTURE], cost_microusd=None))

    async def story(self) -> list[Event]:
        return [event.event for commit in await self.store.read(stream_of(ID)) for event in commit.events]


@pytest.mark.parametrize("messages", [True, False], ids=["with messages", "messages lost"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("raced", RACED)
async def test_a_cancel_request_raced_against_any_event_has_one_outcome(raced: str, when: str, messages: bool) -> None:
    race = Race(raced, when, messages=messages)
    await race.go()
    story = await race.story()
    types = [event.type for event in story]
    assert race.store.fired
    ends = [event for event in story if isinstance(event, GenerationCompleted | GenerationFailed)]
    assert len(ends) == 1
    if (raced, when) == ("generation.completed", "after"):
        assert isinstance(ends[0], GenerationCompleted)
        assert "generation.cancel_requested" not in types
        assert race.upstream.calls == []
        return
    assert isinstance(ends[0], GenerationFailed)
    assert ends[0].code == "canceled"
    assert types.count("generation.cancel_requested") == 1
    ran = race.state_at_cancel is not None and race.state_at_cancel.state in (
        State.INTENDED,
        State.STARTED,
    )
    if ran and raced != "generation.prediction_settled":
        assert race.upstream.calls[0] == "running"
        assert race.upstream.state == "canceled"
    else:
        assert "running" not in race.upstream.calls
    assert race.upstream.state in {"none", "canceled", "over"}


def test_every_event_of_a_completed_generation_is_raced() -> None:
    aside = {
        "generation.requested",
        "generation.invocation_refused",
        "generation.invocation_lost",
        "generation.failed",
        "generation.quota_settled",
        "generation.cancel_requested",
        "generation.duplicate_found",
        "generation.published",
        "generation.erased",
    }
    assert {event.type for event in ONE_OF_EACH} - aside == set(RACED)
