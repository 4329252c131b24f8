"""Dead letters and parked events: kept, replayed, and given up."""

from collections.abc import Sequence
from typing import Any

import pytest

from actors.jobs.catch_up import CatchUp
from actors.jobs.dead_letters import replay_dead_letters
from domain.generation.generation import State
from events.operation import FailedSource
from store.failed.actions import Discarding, FailedWorkActions, Selection
from store.failed.dead_letters import DeadLetters
from store.failed.failed_work import FailedWork
from store.log.parking import Parking
from store.log.sealed_log import SealedCommit
from tests.actors.harness import BY_TEST, Harness

ALL = Selection()
OBSOLETE = Discarding("obsolete", None)


class BrokenDecoder:
    async def compose(self, *_: object, **__: object) -> Any:
        raise RuntimeError("a fault of the code")


@pytest.fixture
def actions(harness: Harness) -> FailedWorkActions:
    found: FailedWorkActions = harness.dependencies.get("failed_work_actions")
    return found


async def kept(harness: Harness, *, discarded: bool = False) -> Sequence[FailedWork]:
    dead_letters: DeadLetters = harness.dependencies.get("dead_letters")
    return await dead_letters.page(limit=10, discarded=discarded)


async def failed(harness: Harness, *names: str) -> None:
    """Let validation fail for generations."""
    broken = harness.replace(decoder=BrokenDecoder())
    for name in names:
        await harness.request(name)
        with pytest.raises(RuntimeError):
            await broken.step(name, "validation")


async def test_a_failed_call_is_kept_and_made_again(harness: Harness, actions: FailedWorkActions) -> None:
    await failed(harness, "g1")
    broken = harness.replace(decoder=BrokenDecoder())
    with pytest.raises(RuntimeError):
        await broken.step("g1", "validation")
    [letter] = await kept(harness)
    assert (letter.id, letter.handler, letter.error) == ("validation:generation-g1:1", "validation", "RuntimeError")
    assert (letter.tries, letter.request_id) == (2, "r-g1")
    assert await harness.run_job(replay_dead_letters) == 0, "nobody has asked for it"
    assert await actions.replay("dead_letter", ALL, cause=BY_TEST) == [letter.id]
    assert await broken.run_job(replay_dead_letters) == 1
    [again] = await kept(harness)
    assert (again.tries, again.next_try_at) == (3, None), "it waits for the next request"
    await actions.replay("dead_letter", ALL, cause=BY_TEST)
    await harness.run_job(replay_dead_letters)
    assert await kept(harness) == []
    assert (await harness.load("g1")).state is State.VALIDATED


async def test_entries_are_discarded_by_an_event_that_names_them(harness: Harness, actions: FailedWorkActions) -> None:
    await failed(harness, "g1", "g2", "g3")
    first = Selection(most=1)
    assert await actions.discard("dead_letter", first, OBSOLETE, cause=BY_TEST) == ["validation:generation-g1:1"]
    [discarded] = await kept(harness, discarded=True)
    stream, _, _ = (discarded.discarded or "").rpartition(":")
    [commit] = await harness.store.events.read(stream)
    [event] = commit.events
    assert event.type == "operation.discarded"
    assert event.event.model_dump(exclude={"case"}) == {
        "source": "dead_letter",
        "entries": ("validation:generation-g1:1",),
        "reason": "obsolete",
    }
    assert len(await actions.replay("dead_letter", ALL, cause=BY_TEST)) == 2, "the discarded one is left out"
    assert await harness.run_job(replay_dead_letters) == 2
    assert await actions.discard("dead_letter", ALL, OBSOLETE, cause=BY_TEST) == []


@pytest.mark.parametrize("source", ["parked", "dead_letter"])
async def test_unknown_entries_lead_to_no_event(actions: FailedWorkActions, source: FailedSource) -> None:
    assert await actions.replay(source, Selection(["validation:generation-no:1"]), cause=BY_TEST) == []


class Refusing:
    """A subscriber that refuses every commit while `refuses`."""

    def __init__(self) -> None:
        self.refuses = True
        self.handled: list[int] = []

    async def __call__(self, entries: Sequence[SealedCommit]) -> None:
        if self.refuses:
            raise RuntimeError
        self.handled += [entry.position for entry in entries]


async def test_a_parked_event_is_replayed_at_once_and_a_discarded_one_never(
    harness: Harness, actions: FailedWorkActions
) -> None:
    for name in ("g1", "g2"):
        await harness.request(name)
    await harness.store.sealed_log.seal()
    handle = Refusing()
    subscriber = harness.dependencies.bind(CatchUp, given=["name", "handle"])(name="billing", handle=handle)
    await subscriber.run()
    parking: Parking = harness.dependencies.get("parking")
    assert [one.position for one in await parking.all()] == [1, 2]
    await actions.discard("parked", Selection(["billing:1"]), OBSOLETE, cause=BY_TEST)
    await actions.replay("parked", ALL, cause=BY_TEST)
    handle.refuses = False
    harness.clock.forward(seconds=5)
    await subscriber.run()
    assert handle.handled == [2]
    harness.clock.forward(seconds=7200)
    await subscriber.run()
    assert handle.handled == [2]
    assert await parking.all() == []
    assert [one.position for one in await parking.of("billing")] == [1], "what it left undone stays known"
