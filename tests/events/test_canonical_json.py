"""Canonical JSON: the same bytes, and the same refusals, as the reference implementation."""

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from events.canonical_json import canonical_json

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def _written(write: Any, value: Any) -> bytes | str:
    try:
        return bytes(write(value))
    except rfc8785.CanonicalizationError as error:
        return repr(error)


@given(_values)
@example({"\U0001f600": 1, "\uffff": 2})  # sorted by UTF-16 units, not by code points
@example({"b": 1.0, "a": [True, 1e21, -0.0]})
@example('\x00\x1f\x7f\u2028"\\/\b\f\n\r\té')
@example(["\ud800", 2**53])
def test_the_bytes_are_those_of_the_reference_implementation(value: Any) -> None:
    assert _written(canonical_json, value) == _written(rfc8785.dumps, value)


@pytest.mark.parametrize("number", [2**53 - 1, -(2**53 - 1), 2**53, -(2**53)])
def test_the_largest_integers_are_those_of_the_reference_implementation(number: int) -> None:
    assert _written(canonical_json, {"n": number}) == _written(rfc8785.dumps, {"n": number})


@pytest.mark.parametrize("beside", ["4.8e-05", ":4.8e-05,", 4.8e-05, 14.8e-05, 0.0, 1.0, "x", float("nan")])
def test_a_number_of_another_form_is_told_from_what_looks_like_it(beside: Any) -> None:
    value = {"n": 4.8e-05, "beside": [beside, beside]}
    assert _written(canonical_json, value) == _written(rfc8785.dumps, value)
