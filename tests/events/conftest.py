"""Every event there can be, made by hypothesis from the fields of its class."""

from datetime import UTC, datetime, timedelta, timezone
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel

from events.catalogue import CATALOGUE
from events.envelope import Cause
from events.event import Event

EXACT = 2**53 - 1
"""The largest whole number that JSON keeps exactly (RFC 8785)."""

_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=_OFFSETS)  # noqa: DTZ001 - naive by contract
UTC_MOMENTS = MOMENTS.map(lambda moment: moment.astimezone(UTC))

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=40),
    int: st.integers(-EXACT, EXACT),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    AwareDatetime: MOMENTS,
}


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return st.sampled_from(parts)
    if kind in (Union, UnionType):
        return st.one_of([values_of(part) for part in parts])
    if kind is tuple:
        return st.lists(values_of(parts[0]), max_size=5).map(tuple)
    assert issubclass(annotation, BaseModel), annotation
    return instances_of(annotation)


def instances_of(cls: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {name: values_of(field.annotation) for name, field in cls.model_fields.items()}
    return st.builds(cls, **fields)


@pytest.fixture
def any_event() -> st.SearchStrategy[Event]:
    return st.sampled_from([row.cls for row in CATALOGUE.rows]).flatmap(instances_of)


@pytest.fixture
def any_cause() -> st.SearchStrategy[Cause]:
    optional = st.none() | st.text(max_size=40)
    names = ("request_id", "correlation_id", "causation_id", "traceparent")
    return st.builds(Cause, st.text(), **dict.fromkeys(names, optional))
