"""Canonical JSON (RFC 8785), the bytes of events that are stored and hashed."""

import json
import re
from typing import Any, Final

import rfc8785

_LARGEST: Final = 2**53 - 1  # the integers that RFC 8785 allows
_LEAST: Final = 1e-4  # the standard library writes smaller numbers with an exponent
_WRITTEN_ALIKE: Final = frozenset({str, bool, type(None)})
_MARK: Final = "\0number:"
_MARKED: Final = re.compile(r'"\\u0000number:([^"]*)"')
_OTHER: Final = (TypeError, ValueError)  # rfc8785 says in its own way what it refuses, and half of a surrogate pair
_written: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def canonical_json(value: Any) -> bytes:
    """Write a value as canonical JSON; raises rfc8785.CanonicalizationError for what has no such form.

    Most values are written by the standard library, whose C code writes the same bytes twenty times as fast: those
    whose keys are ASCII. Numbers that it writes in another form go through as marked texts.
    """
    try:
        return _written(value).encode() if _is_plain(value) else _written_marked(value)
    except _OTHER:
        return rfc8785.dumps(value)


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
        if not "".join(value).isascii():
            raise ValueError("a key is not ASCII")
        return {key: _marked(one, numbers) for key, one in value.items()}
    if kind is list or kind is tuple:
        return [_marked(one, numbers) for one in value]
    if _is_plain_number(value):
        return value
    if kind is not float:
        raise TypeError(f"no number of ordinary size: {kind.__name__}")
    numbers.append(value)
    return f"{_MARK}{rfc8785.dumps(value).decode()}"


def _is_plain(value: Any) -> bool:
    """Tell whether the standard library writes a value canonically: all but some numbers and the order of keys."""
    nested = [[value]]
    for values in nested:  # which grows
        if _WRITTEN_ALIKE.issuperset(map(type, values)):
            continue
        for one in values:
            kind = type(one)
            if kind in _WRITTEN_ALIKE:
                continue
            if kind is dict:
                if not "".join(one).isascii():  # TypeError for a key that is no text
                    return False
                nested.append(one.values())
            elif kind is list or kind is tuple:
                nested.append(one)
            elif not _is_plain_number(one):
                return False
    return True


def _is_plain_number(value: Any) -> bool:
    """Tell whether a value is a number that is written alike: of ordinary size, and not 1.0, which is 1."""
    kind = type(value)
    if kind is float:
        return _LEAST <= abs(value) <= _LARGEST and not value.is_integer()
    return kind is int and -_LARGEST <= value <= _LARGEST
