"""An erasure that dies before or after any of its calls to the store is finished by those that read the log."""

from collections.abc import Callable
from typing import Any

import pytest

from actors.jobs.redelivery import Redelivery
from events.envelope import Cause
from events.erasure import Grounds
from store.generations.erasure import GenerationErasure
from store.generations.projection import row_of
from tests.actors.harness import TIMEOUTS, Harness

GROUNDS = Grounds(reason="incident", case="INC-7")
BY = Cause(actor="operator")
PARTS = ("events", "blobs", "personal_data", "deliveries")


class DiedError(Exception):
    """The process ends here."""


class Countdown:
    """Dies before the call that is reached when none are left, or right behind it."""

    def __init__(self, left: int, *, behind: bool) -> None:
        self.left, self._behind = left, behind

    def __call__(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*args: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self._behind:
                raise DiedError
            answer = await call(*args, **named)
            if self.left == 0:
                raise DiedError
            return answer

        return counted


class Dying:
    """A part of the store whose calls count down."""

    def __init__(self, part: Any, countdown: Countdown) -> None:
        self._part, self._countdown = part, countdown

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._countdown(found) if callable(found) else found


async def interrupted(harness: Harness, name: str, countdown: Countdown) -> bool:
    """Erase until the countdown ends; tell whether it did."""
    parts = {part: Dying(harness.dependencies.get(part), countdown) for part in PARTS}
    erasure = harness.replace(**parts).dependencies.call(GenerationErasure)
    try:
        await erasure.erase(name, grounds=GROUNDS, cause=BY)
    except DiedError:
        return True
    return False


async def left_of(harness: Harness, name: str) -> dict[str, int]:
    database = harness.store.database
    return {kind: await database[kind].count_documents({"generation": name}) for kind in ("blobs", "personal_data")}


async def finish(harness: Harness, name: str) -> None:
    """Do what the scheduler does: redeliver what is due, and read the sealed log."""
    await harness.project(name)
    harness.clock.ahead += TIMEOUTS.redelivery * 2
    await harness.dependencies.call(Redelivery).deliver(row_of(await harness.load(name), TIMEOUTS, {}))
    while await harness.store.sealed_log.seal():
        await harness.catch_up("erasure")


@pytest.mark.parametrize("behind", [False, True], ids=["before a call", "behind a call"])
async def test_an_erasure_that_dies_anywhere_is_finished(harness: Harness, behind: bool) -> None:
    number = 0
    while True:
        number += 1
        name = f"g{number}-{behind}"
        await harness.request(name, webhook="https://example.com/hook")
        died = await interrupted(harness, name, Countdown(number, behind=behind))
        if died and "cancel_requested" not in await harness.types(name):
            assert await left_of(harness, name) == {"blobs": 1, "personal_data": 1}, "nothing happened before the event"
            continue
        await finish(harness, name)
        assert await left_of(harness, name) == {"blobs": 0, "personal_data": 0}, number
        types = await harness.types(name)
        assert types.count("erased") == types.count("cancel_requested") == 1
        [erased] = [event.event for event in await harness.events(name) if event.type == "generation.erased"]
        assert erased == type(erased)(grounds=GROUNDS)  # type: ignore[call-arg]
        if not died:
            break
    assert number > 6
