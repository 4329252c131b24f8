"""Canonical JSON (RFC 8785), the bytes of events that are stored and hashed."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import rfc8785

_LARGEST: Final = 2**53 - 1  # the integers that RFC 8785 allows
_LEAST: Final = 1e-4  # the standard library writes smaller numbers with an exponent
_WRITTEN_ALIKE: Final = frozenset({str, bool, type(None)})
_MARK: Final = "\0number:"
_MARKED: Final = re.compile(r'"\\u0000number:([^"]*)"')
_FEW: Final = 8
_OTHER: Final = (TypeError, ValueError)  # rfc8785 says in its own way what it refuses, and half of a surrogate pair
_written: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def canonical_json(value: Any) -> bytes:
    """Write a value as canonical JSON; raises rfc8785.CanonicalizationError for what has no such form.

    Most values are written by the standard library, whose C code writes the same bytes twenty times as fast: those
    whose keys are ASCII. Numbers that it writes in another form are replaced; where their text is found elsewhere, too,
    they go through as marked texts.
    """
    try:
        numbers = _other_numbers(value)
        text = _replaced(_written(value), numbers) if numbers else _written(value)
        return _written_marked(value) if text is None else text.encode()
    except _OTHER:
        return rfc8785.dumps(value)


def _replaced(text: str, numbers: Sequence[float]) -> str | None:
    """Write a few numbers of a text in their canonical form; None where something else looks like one of them."""
    if len(numbers) > _FEW:
        return None
    for number, count in Counter(map(repr, numbers)).items():
        if text.count(number) != count:
            return None
        text = text.replace(number, rfc8785.dumps(float(number)).decode())
    return text


def _written_marked(value: Any) -> bytes:
    """Write a value with numbers that the standard library writes in another form; ValueError if that fails."""
    numbers = list[float]()
    prepared = _marked(value, numbers)
    written, count = _MARKED.subn(r"\1", _written(prepared))
    if count != len(numbers):
        raise ValueError("a text of it looks like a marked number")
    return written.encode()


def _marked(value: Any, numbers: list[float]) -> Any:
    """Copy a value; its numbers of another form are collected and become marked texts.

    ValueError or TypeError for what only the reference implementation writes.
    """
    kind = type(value)
    if kind in _WRITTEN_ALIKE:
        return value
    if kind is dict:
        _require_ascii(value)
        return {key: _marked(one, numbers) for key, one in value.items()}
    if kind is list or kind is tuple:
        return [_marked(one, numbers) for one in value]
    if _is_plain_number(value):
        return value
    _require_float(value)
    numbers.append(value)
    return f"{_MARK}{rfc8785.dumps(value).decode()}"


def _other_numbers(value: Any) -> list[float]:
    """List the numbers that the standard library writes in another form; all else it writes alike.

    ValueError or TypeError for what only the reference implementation writes.
    """
    nested, numbers = [[value]], list[float]()
    for values in nested:  # which grows
        if _WRITTEN_ALIKE.issuperset(map(type, values)):
            continue
        for one in values:
            kind = type(one)
            if kind in _WRITTEN_ALIKE:
                continue
            if kind is dict:
                _require_ascii(one)
                nested.append(one.values())
            elif kind is list or kind is tuple:
                nested.append(one)
            elif kind is int and -_LARGEST <= one <= _LARGEST:
                continue
            elif not _is_plain_number(one):
                _require_float(one)
                numbers.append(one)
    return numbers


def _require_ascii(keys: Iterable[str]) -> None:
    if not "".join(keys).isascii():  # TypeError for a key that is no text
        raise ValueError("a key is not ASCII")


def _require_float(value: Any) -> None:
    if type(value) is not float:
        raise TypeError(f"no number of ordinary size: {type(value).__name__}")


def _is_plain_number(value: Any) -> bool:
    """Tell whether a value is a number that is written alike: of ordinary size, and not 1.0, which is 1."""
    kind = type(value)
    if kind is float:
        return _LEAST <= abs(value) <= _LARGEST and not value.is_integer()
    return kind is int and -_LARGEST <= value <= _LARGEST
