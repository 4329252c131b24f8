from functools import reduce

import pytest
from hypothesis import given as example_of
from hypothesis import strategies as st

from domain.generation.fold import evolve, fold
from domain.generation.generation import State, id_of, stream_of
from events.invocation import DuplicateFound, GenerationProgressed
from events.owner import GenerationErased, GenerationPublished
from events.quota import QuotaSettled
from tests.builders.generation import (
    CANCELED,
    COMPLETED,
    ID,
    PICTURE,
    START,
    TO_COMPLETED,
    TO_FAILED,
    TO_INTENDED,
    TO_RESERVED,
    TO_SETTLED,
    TO_STARTED,
    TO_VALIDATED,
    TO_WAITING,
    folded,
    intended,
    lost,
    recorded,
    refused,
    requested,
    started,
)

LONGEST = (
    *TO_WAITING,
    intended(2),
    lost(2),
    intended(3),
    started(3),
    GenerationProgressed(percent=40),
    DuplicateFound(attempt=1, prediction="p0", predict_seconds=None),
    *TO_COMPLETED[-2:],
    QuotaSettled(period="2026-11", outcome="spent"),
    GenerationPublished(is_public=True),
    GenerationErased(),
)


def test_no_events_fold_to_nothing() -> None:
    assert fold([]) is None


def test_a_stream_is_named_after_its_generation() -> None:
    assert id_of(stream_of(ID)) == ID


@pytest.mark.parametrize(
    ("events", "state", "status"),
    [
        ((requested(),), State.REQUESTED, "pending"),
        (TO_VALIDATED, State.VALIDATED, "pending"),
        (TO_RESERVED, State.RESERVED, "pending"),
        (TO_INTENDED, State.INTENDED, "pending"),
        (TO_WAITING, State.WAITING, "pending"),
        (TO_STARTED, State.STARTED, "processing"),
        (TO_SETTLED, State.SETTLED, "processing"),
        (TO_COMPLETED, State.COMPLETED, "completed"),
        (TO_FAILED, State.FAILED, "failed"),
    ],
    ids=lambda value: value.value if isinstance(value, State) else None,
)
def test_every_state_has_one_of_four_public_statuses(events: tuple, state: State, status: str) -> None:  # type: ignore[type-arg]
    generation = folded(events)
    assert (generation.state, generation.status) == (state, status)
    assert generation.final == (status in ("completed", "failed"))


@example_of(st.integers(min_value=0, max_value=len(LONGEST)))
def test_folding_in_two_parts_equals_folding_once(cut: int) -> None:
    stream = recorded(LONGEST)
    start, kept = fold(stream[:cut]), fold(stream[:cut])
    assert fold(stream[cut:], start) == fold(stream) == reduce(evolve, stream, None)
    assert start == kept  # somebody else may hold it


def test_the_fold_contains_what_clients_see() -> None:
    generation = folded(TO_COMPLETED)
    assert generation.pictures == (PICTURE,)
    assert generation.cost_microusd == 4_000
    assert generation.version == len(TO_COMPLETED)
    assert generation.created_at == START
    assert generation.finished_at == generation.updated_at == recorded(TO_COMPLETED)[-1].time


def test_only_a_change_of_state_changes_moved_at() -> None:
    moved = folded(TO_STARTED).moved_at
    assert folded((*TO_STARTED, GenerationProgressed(percent=50), CANCELED)).moved_at == moved


def test_lost_attempts_are_counted_separately() -> None:
    generation = folded((*TO_INTENDED, refused(), intended(2), refused(2), intended(3), lost(3)))
    assert (generation.attempt, generation.lost) == (3, 1)


def test_an_erased_generation_is_not_public() -> None:
    generation = folded((*TO_COMPLETED, GenerationPublished(is_public=True), GenerationErased()))
    assert generation.erased
    assert not generation.is_public


def test_a_stream_with_another_first_event_is_refused() -> None:
    with pytest.raises(ValueError, match=r"begins with generation\.requested"):
        fold(recorded([COMPLETED]))


def test_a_second_request_in_one_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="requested twice"):
        evolve(folded(TO_COMPLETED), recorded([requested()], after=len(TO_COMPLETED))[0])
