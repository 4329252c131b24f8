"""Strategies that spoil valid samples: bytes, texts and JSON values."""

from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

Sliceable = TypeVar("Sliceable", bytes, str)

_MOST_EDITS = 4
_LONGEST_NOISE = 24
ODD_NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**400, 1.5, 1e308, float("inf"), float("nan"), -0.0)
ODD_TEXTS = ("", " ", "\0", "\ud800", "\ufeff", "\u202e", "null", "NaN", "1e999", "%00", "../..", "a" * 5000, "\r\n")
_ODD: tuple[Any, ...] = (None, True, False, [], {}, [[[[]]]], {"": {}}, *ODD_NUMBERS, *ODD_TEXTS)

JSON_TOKENS = (
    b"NaN",
    b"Infinity",
    b"[" * 5000,
    b'"version":',
    b"\\ud800",
    b"\xff",
    b"null",
    b"1e999",
    b":99",
    b"{}",
    b"\0",
)
"""What is odd in the JSON of an event."""

odd_values = st.sampled_from(_ODD) | st.text(max_size=8) | st.integers() | st.binary(max_size=4).map(repr)


def spoilt_bytes(samples: Sequence[bytes], tokens: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Edit a sample up to four times: cut it, repeat, replace or insert a piece, or another sample's piece."""
    noise = st.binary(max_size=_LONGEST_NOISE)
    return _spoilt(samples, noise | st.sampled_from(tokens) if tokens else noise)


def spoilt_text(samples: Sequence[str], tokens: Sequence[str] = ODD_TEXTS) -> st.SearchStrategy[str]:
    """Edit a sample as `spoilt_bytes` does."""
    return _spoilt(samples, st.text(max_size=_LONGEST_NOISE) | st.sampled_from(tokens))


def spoilt_json(samples: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Replace, remove, rename or add members of a JSON value, anywhere in it."""
    return _json_edits(samples)


@st.composite
def _spoilt(draw: st.DrawFn, samples: Sequence[Sliceable], noise: st.SearchStrategy[Sliceable]) -> Sliceable:
    value = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(0, _MOST_EDITS))):
        start = draw(st.integers(0, len(value)))
        end = min(len(value), start + draw(st.sampled_from((0, 0, 1, 1, 2, 4, 8, 64, 10**9))))
        match draw(st.sampled_from(("replace", "replace", "repeat", "splice", "cut"))):
            case "replace":
                value = value[:start] + draw(noise) + value[end:]
            case "repeat":
                value = value[:end] + value[start:]
            case "splice":
                other = draw(st.sampled_from(samples))
                value = value[:start] + other[draw(st.integers(0, len(other))) :]
            case "cut":
                value = value[:start] + value[end:]
    return value


@st.composite
def _json_edits(draw: st.DrawFn, samples: Sequence[Any]) -> Any:
    value = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(1, _MOST_EDITS))):
        value = _edited(draw, value)
    return value


def _edited(draw: st.DrawFn, value: Any) -> Any:
    """Copy a value with one edit, in it or in a member of it."""
    if isinstance(value, dict) and value and draw(st.integers(0, 7)):
        name = draw(st.sampled_from(sorted(value)))
        match draw(st.sampled_from(("into", "into", "into", "remove", "rename", "add"))):
            case "into":
                return {**value, name: _edited(draw, value[name])}
            case "remove":
                return {key: member for key, member in value.items() if key != name}
            case "rename":
                return {draw(st.text(max_size=6)) if key == name else key: member for key, member in value.items()}
            case _:
                return {**value, draw(st.text(max_size=6)): draw(odd_values)}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _edited(draw, value[at]), *value[at + draw(st.integers(0, 2)) :]]
    return draw(odd_values)
