"""Folding piece by piece is folding the whole."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.generation.fold import fold
from domain.generation.generation import stream_of
from events.commit import Commit, commit_of
from events.envelope import Cause
from store.generations.snapshot_cache import SnapshotCache
from tests.builders.generation import ID, TO_COMPLETED


def commits(sizes: list[int], name: str = ID) -> list[Commit]:
    """Cut the road into commits of these sizes, over and over until it ends."""
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


@given(sizes=st.lists(st.integers(1, 3), min_size=1), looks=st.lists(st.integers(0, 7), max_size=12))
def test_whatever_was_looked_at_before_a_look_is_the_fold_of_what_is_there(
    sizes: list[int], looks: list[int]
) -> None:
    road, folds = commits(sizes), SnapshotCache()
    for end in looks:
        seen = road[:end]
        assert folds.fold(seen) == fold(event for commit in seen for event in commit.events)


def test_generations_do_not_mix_and_the_oldest_is_forgotten() -> None:
    folds = SnapshotCache(capacity=2)
    roads = [commits([2], f"g{number}") for number in range(4)]
    for end in (1, 3):
        for road in roads:
            generation = folds.fold(road[:end])
            assert generation == fold(event for commit in road[:end] for event in commit.events)
