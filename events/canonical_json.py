"""Canonical JSON (RFC 8785), the bytes of events that are stored and hashed."""

import json
from typing import Any, Final

import rfc8785

_LARGEST: Final = 2**53 - 1  # the integers that RFC 8785 allows
_LEAST: Final = 1e-4  # the standard library writes smaller numbers with an exponent
_WRITTEN_ALIKE: Final = frozenset({str, bool, type(None)})
_write: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


def canonical_json(value: Any) -> bytes:
    """Write a value as canonical JSON; raises rfc8785.CanonicalizationError for what has no such form.

    Most values are written by the standard library, whose C code writes the same bytes twenty times as fast: those
    whose keys are ASCII and whose fractions are of ordinary size.
    """
    if not _is_plain(value) and not _is_plain(value := _with_whole_numbers(value)):
        return rfc8785.dumps(value)
    try:
        return _write(value).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: rfc8785 says it in its own way
        return rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    """Tell whether the standard library writes a value canonically: all but some numbers and the order of keys."""
    kind = type(value)
    if kind in _WRITTEN_ALIKE:
        return True
    if kind is dict:
        return all(map(_is_ascii, value)) and all(map(_is_plain, value.values()))
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    if kind is float:  # the shortest digits, which both write alike between these, but for 1.0, which is 1
        return _LEAST <= abs(value) <= _LARGEST and not value.is_integer()
    return kind is int and -_LARGEST <= value <= _LARGEST


def _with_whole_numbers(value: Any) -> Any:
    """Replace 1.0 by 1, which RFC 8785 writes for both."""
    match value:
        case dict():
            return {key: _with_whole_numbers(one) for key, one in value.items()}
        case list() | tuple():
            return [_with_whole_numbers(one) for one in value]
        case float() if value.is_integer() and abs(value) <= _LARGEST:
            return int(value)
        case _:
            return value


def _is_ascii(key: Any) -> bool:
    return type(key) is str and key.isascii()
