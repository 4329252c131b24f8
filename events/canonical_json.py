"""Canonical JSON (RFC 8785), the bytes of events that are stored and hashed."""

import json
from typing import Any, Final

import rfc8785

_LARGEST: Final = 2**53 - 1  # the integers that RFC 8785 allows
_write: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


def canonical_json(value: Any) -> bytes:
    """Write a value as canonical JSON; raises rfc8785.CanonicalizationError for what has no such form.

    Most values are written by the standard library, whose C code writes the same bytes twenty times as fast: those
    without fractions, whose keys are ASCII.
    """
    if not _is_plain(value):
        return rfc8785.dumps(value)
    try:
        return _write(value).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: rfc8785 says it in its own way
        return rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    """Tell whether the standard library writes a value canonically: all but numbers' fractions and sorted keys."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_plain(one) for key, one in value.items())
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return kind is int and -_LARGEST <= value <= _LARGEST
