"""A fold from a cached snapshot equals the fold of the whole stream."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.generation.fold import fold
from domain.generation.generation import stream_of
from events.commit import Commit, commit_of
from events.envelope import Cause, RecordedEvent
from store.generations.snapshot_cache import SnapshotCache
from tests.builders.generation import ID, TO_COMPLETED


def commits(sizes: list[int], name: str = ID) -> list[Commit]:
    """Cut the stream into commits of these sizes, over and over until it ends."""
    made: list[Commit] = []
    at, turn = 0, 0
    while at < len(TO_COMPLETED):
        events = TO_COMPLETED[at : at + sizes[turn % len(sizes)]]
        made.append(
            commit_of(
                stream_of(name),
                at,
                events,
                cause=Cause(actor="actor:test"),
                time=datetime(2026, 1, 1, minute=at, tzinfo=UTC),
                writer="w",
            )
        )
        at, turn = at + len(events), turn + 1
    return made


def events_of(stream: list[Commit]) -> list[RecordedEvent]:
    return [event for commit in stream for event in commit.events]


@given(sizes=st.lists(st.integers(1, 3), min_size=1), looks=st.lists(st.integers(0, 7), max_size=12))
def test_a_cached_fold_equals_the_fold_of_the_whole_stream(sizes: list[int], looks: list[int]) -> None:
    stream, cache = commits(sizes), SnapshotCache()
    for end in looks:
        seen = events_of(stream[:end])
        assert cache.fold(seen) == fold(seen)


def test_snapshots_are_separate_and_the_oldest_is_dropped() -> None:
    cache = SnapshotCache(capacity=2)
    streams = [commits([2], f"g{number}") for number in range(4)]
    for end in (1, 3):
        for stream in streams:
            seen = events_of(stream[:end])
            assert cache.fold(seen) == fold(seen)
