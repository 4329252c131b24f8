"""As of every point of random histories: what the fold of what was recorded by then says."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audit.subjects import KINDS, Kind, erased_in
from domain.errors import ExemplarError
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from store.audit.audit_log import AuditLog
from store.audit.quota_travel import QuotaTravel
from store.audit.stream_travel import StreamTravel
from tests.builders.clock import Clock
from tests.builders.history import History, recount
from tests.stores import OpenStore, open_store

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAUSE = Cause(actor="actor:test")
SOME = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Travels:
    """A sealed log with a clock, in which each test writes a history of its own."""

    store: OpenStore
    clock: Clock

    def __post_init__(self) -> None:
        self.streams = self.store.make(StreamTravel)
        self.quotas = self.store.make(QuotaTravel)
        self.log = self.store.make(AuditLog)

    async def write(self, seed: int, commits: int) -> "Written":
        """Write a history, sealing now and then: several commits may be recorded in one moment."""
        random = Random(seed)
        written = Written(History(random, uuid4().hex[:8]))
        for _ in range(commits):
            stream, before, events = written.history.grow()
            commit = await self.store.events.append(stream, before, events, cause=CAUSE, time=self.clock())
            written.commits.append(commit)
            self.clock.forward(seconds=random.choice((0.0, 0.0004, 0.7)))
            if random.random() < 0.4:
                await self.store.sealed_log.seal()
        while await self.store.sealed_log.seal():
            pass
        for commit in written.commits:
            entry = await self.store.make(StreamTravel)._audit_log.entry_of(commit.id)
            assert entry is not None
            written.entries.append((*entry, commit))
        written.entries.sort(key=lambda entry: entry[0])
        return written


@dataclass
class Written:
    """A history with the positions and times at which it was recorded."""

    history: History
    commits: list[Commit] = field(default_factory=list)
    entries: list[tuple[int, datetime, Commit]] = field(default_factory=list)

    def by(self, point: int | datetime) -> list[RecordedEvent]:
        """List what was recorded by a position or a time."""
        chosen = [one for at, time, one in self.entries if (at if isinstance(point, int) else time) <= point]  # type: ignore[operator]
        return [event for commit in chosen for event in commit.events]

    def positions(self) -> list[int]:
        """List every position, and the one before the first."""
        return [self.entries[0][0] - 1, *(position for position, _, _ in self.entries)]

    def moments(self) -> list[datetime]:
        """List every time of recording, and moments just before and after."""
        times = {time for _, time, _ in self.entries}
        now = max(times)
        return sorted({min(now, time + timedelta(microseconds=step)) for time in times for step in (-1, 0, 999)})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def travels(module_database: str) -> AsyncIterator[Travels]:
    clock = Clock()
    async with open_store(module_database, clock=clock) as store:
        yield Travels(store, clock)


def of(events: Sequence[RecordedEvent], stream: str) -> list[RecordedEvent]:
    return [event for event in events if event.stream == stream]


def expected_view(kind: Kind, prefix: Sequence[RecordedEvent], whole: Sequence[RecordedEvent]) -> Any:
    state = reduce(kind.evolve, prefix, None)
    return None if state is None else kind.view(state, erased_in(whole))


@SOME
@given(seed=st.integers(0, 2**32), commits=st.integers(2, 16))
async def test_as_of_every_point_is_the_fold_of_what_was_recorded_by_then(
    travels: Travels, seed: int, commits: int
) -> None:
    written = await travels.write(seed, commits)
    whole = written.by(10**9)
    for kind in KINDS.values():
        prefix = kind.stream_of(written.history.mark)
        for stream in {event.stream for event in whole if event.stream.startswith(prefix)}:
            past = await travels.streams.load(kind, stream.removeprefix(kind.stream_of("")))
            for version in range(len(past.events) + 1):
                _, view = await travels.streams.at(past, version)
                assert view == expected_view(kind, past.events[:version], past.events)
            for point in Random(seed).sample(written.moments(), min(8, len(written.moments()))):
                reached, view = await travels.streams.at(past, point)
                events = of(written.by(point), stream)
                assert (reached.version, view) == (len(events), expected_view(kind, events, past.events))


@SOME
@given(seed=st.integers(0, 2**32), commits=st.integers(2, 16))
async def test_the_quota_of_every_point_is_the_recount_of_what_was_recorded_by_then(
    travels: Travels, seed: int, commits: int
) -> None:
    written = await travels.write(seed, commits)
    points: list[int | datetime] = [*written.positions(), *written.moments()]
    for developer in written.history.developers:
        for point in points:
            _, view = await travels.quotas.at(developer, point)
            events = written.by(point)
            registered = of(events, f"developer-{developer}")
            if not registered:
                assert view is None
                continue
            assert view is not None
            used, holders = recount(events, developer)
            account = reduce(KINDS["developer"].evolve, registered, None)
            assert (view["used"], {slot["generation"] for slot in view["slots"]}) == (used, holders)
            assert (view["tier"], view["damaged"]) == (account.tier, [])


@SOME
@given(seed=st.integers(0, 2**32), data=st.data())
async def test_a_difference_names_the_events_that_lead_from_one_point_to_the_other(
    travels: Travels, seed: int, data: st.DataObject
) -> None:
    written = await travels.write(seed, 25)
    since, until = sorted(data.draw(st.lists(st.sampled_from(written.positions()), min_size=2, max_size=2)))
    developer = written.history.developers[0]
    (_, before), (_, after) = [await travels.quotas.at(developer, point) for point in (since, until)]
    _, _, difference = await travels.quotas.difference(developer, since, until)
    assert (difference.start, difference.view) == (before, after)
    changed = {
        name for name in {**(before or {}), **(after or {})} if (before or {}).get(name) != (after or {}).get(name)
    }
    named = {name for cause in difference.causes for name in cause["changed"]}
    assert changed <= set(difference.changes) <= named
    between = {event.id for event in written.by(until)} - {event.id for event in written.by(since)}
    assert {cause["id"] for cause in difference.causes} <= between


async def test_a_generation_that_cannot_be_read_is_named_and_left_out(travels: Travels) -> None:
    written = await travels.write(7, 40)
    developer = written.history.developers[0]
    _, before = await travels.quotas.at(developer, None)
    assert before is not None
    lost = before["slots"][0]["generation"]
    await travels.store.database["commits"].update_one({"_id": f"generation-{lost}:1"}, {"$set": {"body": b"?"}})
    _, view = await travels.quotas.at(developer, None)
    assert view is not None
    assert view["damaged"] == [f"generation-{lost}"]
    assert view["slots"] == before["slots"][1:]


async def test_what_has_not_come_yet_is_refused(travels: Travels) -> None:
    written = await travels.write(3, 10)
    developer = written.history.developers[0]
    past = await travels.streams.load(KINDS["developer"], developer)
    for point in (10**9, travels.clock() + timedelta(seconds=1)):
        for refused in (travels.streams.at(past, point), travels.quotas.at(developer, point)):
            with pytest.raises(ExemplarError) as error:
                await refused
            assert error.value.code.value == "unknown_position"
    with pytest.raises(ExemplarError, match="must not lie behind"):
        await travels.streams.difference(past, 1, 0)
