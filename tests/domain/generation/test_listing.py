"""List cursors, and metadata as labels."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation.generation import State, status_of
from domain.generation.listing import (
    SHOWN_STATES,
    Filters,
    ListCursor,
    ListCursors,
    Scope,
    labels_of,
    states_of,
)

CURSORS = ListCursors([b"k" * 32])
OWN = Scope("p", "u")
FILTERS = Filters(status="failed", created_after=datetime(2026, 11, 20, tzinfo=UTC), metadata=(("a", "b"),))
SOME = ListCursor(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), str(uuid.UUID(int=7)))

moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
cursors = st.builds(ListCursor, moments, st.uuids().map(str))


@given(cursors)
def test_cursor_is_read_as_it_was_written(cursor: ListCursor) -> None:
    text = CURSORS.write(cursor, OWN, FILTERS)
    assert CURSORS.read(text, OWN, FILTERS) == cursor
    assert len(text) == 48


@pytest.mark.parametrize(
    ("scope", "filters"),
    [
        (Scope("p", "other"), FILTERS),
        (Scope("other", "u"), FILTERS),
        (Scope("p"), FILTERS),
        (Scope("p", public=True), FILTERS),
        (OWN, Filters()),
        (OWN, replace(FILTERS, status="completed")),
        (OWN, replace(FILTERS, metadata=(("a", "c"),))),
        (OWN, replace(FILTERS, request_id="r")),
    ],
    ids=repr,
)
def test_cursor_is_valid_for_one_list_with_one_set_of_filters(scope: Scope, filters: Filters) -> None:
    assert CURSORS.read(CURSORS.write(SOME, OWN, FILTERS), scope, filters) is None
    assert ListCursors([b"x" * 32]).read(CURSORS.write(SOME, OWN, FILTERS), OWN, FILTERS) is None


@given(st.text(max_size=60))
def test_malformed_cursor_is_none(text: str) -> None:
    assert CURSORS.read(text, OWN, FILTERS) is None


def test_labels_differ_between_projects_and_between_keys_and_values() -> None:
    said: list[dict[str, Any]] = [
        {"a": "bc"},
        {"ab": "c"},
        {"a": ""},
        {"": "a"},
        {"a": None},
        {"a": True},
        {"a": 1},
        {"a": 1.5},
    ]
    labels = [label for project in ("p", "q") for one in said for label in labels_of(project, one)]
    assert len(set(labels)) == 2 * len(said)
    assert labels_of("p", {"a": 7}) == labels_of("p", {"a": "7"})
    assert labels_of("p", {"a": {"b": 1}, "c": [1]}) == ()


def test_every_visible_state_has_its_status() -> None:
    assert {state for status in ("pending", "processing", "completed", "failed") for state in states_of(status)} == {
        *SHOWN_STATES
    }
    for state in State:
        shown = "started" if state is State.SETTLED else state.value
        assert shown in states_of(status_of(state))
