"""The form of stored documents: which fields they have, of which types.

What a disk has damaged may be no text, no time, or another type that compares equal: it must be found, not raise.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

LENIENT: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Reads any text and any time; times have no zone."""

_length_at: Final = struct.Struct("<i").unpack_from


def decoded(batch: bytes) -> list[dict[str, Any]]:
    """Decode a batch of documents; one that is no BSON any more is an empty one."""
    try:
        return bson.decode_all(batch, LENIENT)
    except bson.errors.BSONError:
        return [_decoded(one) for one in documents_in(batch)]


class FormError(ValueError):
    """A document has other fields than were stored, or fields of other types."""

    holds_no_data = True


def require_form(document: Mapping[str, Any], form: Mapping[str, type], *, alone: bool = False) -> None:
    """Raise FormError unless a document has the form; `alone`: and no other fields."""
    if not has_form(document, form) or (alone and len(document) != len(form)):
        raise FormError(f"other fields than {', '.join(form)}")


def has_form(document: Mapping[str, Any], form: Mapping[str, type]) -> bool:
    """Tell whether a document has these fields, each of exactly its type; a number may be a long one."""
    values = [*map(document.get, form)]
    found, expected = [*map(type, values)], [*form.values()]
    return found == expected or [int if isinstance(value, bson.Int64) else type(value) for value in values] == expected


def are_all(values: Any, kind: type) -> bool:
    """Tell whether a value is a list of values of exactly one type."""
    return type(values) is list and {*map(type, values)} <= {kind}


def documents_in(batch: bytes) -> list[bytes]:
    """Split a batch by the lengths that its documents begin with, which the server has checked."""
    documents, start, whole = list[bytes](), 0, len(batch)
    while start < whole:
        end = start + _length_at(batch, start)[0]
        documents.append(batch[start:end])
        start = end
    return documents


def _decoded(document: bytes) -> dict[str, Any]:
    try:
        return bson.decode(document, LENIENT)
    except bson.errors.BSONError:
        return {}
