"""Read the commits of generations by their bytes, as the product writes them, without decoding them.

What stands before the leaf is written once for all commits with the same types and versions, with a gap for the name of
their stream. A document that has just these bytes is what a decoder would have found sound; any other is left to it.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from domain.audit.terms import OWNERS
from store.audit.body_layout import BodyLayout, CommitCause
from store.audit.bson_layout import LEAF, array, literal, number, string
from store.audit.entry_layout import OwnerIds
from store.audit.stored_form import are_all, decoded

_ID: Final = 13  # where the text of `_id` begins
_NUMBERS: Final = b"\0\x10first\0"
_TIME: Final = b"\x09time\0"
_WRITER: Final = b"\x02writer\0\x19\0\0\0"
_BODY: Final = b"\0\x05body\0"
_REST: Final = struct.Struct("<6sq12s24s7siB")
"""The time, a writer of 24 characters, and the length of the body."""

_SEALED: Final = b"\0"
_UNSEALED: Final = b"\x08unsealed\0\x01\0"
_GENERATION: Final = "generation."
_REQUESTED: Final = "generation.requested"
_OWNER: Final = b'"owner":{"developer":"'
_ESCAPED: Final = frozenset(b'"\\')
_KEPT: Final = 4096


@dataclass(frozen=True, eq=False, slots=True)
class CommitKind:
    """All commits with these types and versions; `header`: what stands before the leaf, with gaps for the stream."""

    types: tuple[str, ...]
    first: int
    last: int
    header: bytes
    layout: BodyLayout

    @property
    def begins_generation(self) -> bool:
        return self.first == 1 and self.types[0] == _REQUESTED


CommitFacts = tuple[bytes, CommitKind, bytes, OwnerIds, int, CommitCause]
"""What a sound commit says: its stream, kind and leaf; the owner of a generation that it begins, the time in
milliseconds since 1970, and the cause."""


class _Owner(NamedTuple):
    """An owner, and how a body names it."""

    ids: OwnerIds
    written: bytes


_NOBODY: Final = _Owner((), b"")


class CommitReader:
    """Reads commits of the kinds that it has met; each is learned from the first of its kind."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[int, bytes], CommitKind] = {}

    def read(self, document: bytes, name: bytes) -> CommitFacts | None:
        """Read a commit by its id; None for one that must be decoded to tell whether it is sound."""
        stream = name[: name.rfind(b":")]
        end = document.find(LEAF, _ID)
        start = document.find(_NUMBERS, _ID, end)
        kind = self._kinds.get((len(stream), document[start:end])) or self._learned(document, stream, start, end)
        if kind is None or not document.startswith(kind.header % (stream, stream), 4):
            return None
        start = end + len(LEAF)
        leaf, rest = document[start : start + 32], start + 32
        owner: _Owner | None = _NOBODY
        if kind.begins_generation:
            rest = document.find(_TIME, rest)
            owner = _owner_in(document[start + 32 : rest])
        found = _body_at(document, rest)
        if found is None or owner is None or sha256(b"\0" + found[1]).digest() != leaf:
            return None
        moment, body = found
        if owner.written and not body.startswith(owner.written, max(0, body.find(_OWNER))):
            return None
        cause = kind.layout.cause(body, stream, moment)
        return None if cause is None else (stream, kind, leaf, owner.ids, moment, cause)

    def _learned(self, document: bytes, stream: bytes, start: int, end: int) -> CommitKind | None:
        """Learn the kind of a commit from its fields; None if it has no such form."""
        fields = _decoded(document[4:end]) if 0 < start < end else {}
        first, last, types = fields.get("first"), fields.get("last"), fields.get("types")
        if not (type(first) is int and type(last) is int and are_all(types, str) and types):
            return None
        if last != first + len(types) - 1 or not all(kind.startswith(_GENERATION) for kind in types):
            return None
        if first > 1 and types[0] == _REQUESTED:
            return None
        if len(self._kinds) >= _KEPT:
            self._kinds.clear()
        header = _header(types, first, last, len(stream))
        kind = CommitKind(tuple(types), first, last, header, BodyLayout(types, first))
        self._kinds[len(stream), document[start:end]] = kind
        return kind


def _body_at(document: bytes, rest: int) -> tuple[int, bytes] | None:
    """Read the time and the body behind a leaf and its owner; None for what has another form."""
    start = rest + _REST.size
    if rest < 0 or len(document) < start:
        return None
    time, moment, writer, _, named, size, subtype = _REST.unpack_from(document, rest)
    end = document[start + size :] if size > 0 else b""
    if time != _TIME or writer != _WRITER or named != _BODY or subtype or (end != _SEALED and end != _UNSEALED):  # noqa: PLR1714 - faster
        return None
    return moment, document[start : start + size]


def _header(types: list[str], first: int, last: int, stream: int) -> bytes:
    version = f":{first}".encode()
    names = string("_id", b"%b" + version, stream + len(version)) + string("stream", b"%b", stream)
    texts = [(literal(kind.encode()), len(kind.encode())) for kind in types]
    return names + number("first", first) + number("last", last) + array("types", texts) + LEAF


@lru_cache(maxsize=_KEPT)
def _owner_in(elements: bytes) -> _Owner | None:
    """Read an owner from the elements of a document; None for other elements, and for ids with escapes."""
    ids: list[Any] = [*map(_decoded(elements).get, OWNERS)]
    if not are_all(ids, str):
        return None
    texts = [value.encode() for value in ids]
    exact = b"".join(string(name, b"%b", len(text)) % text for name, text in zip(OWNERS, texts, strict=True))
    if exact != elements or any(_ESCAPED.intersection(text) for text in texts):
        return None
    return _Owner(tuple(texts), b'"owner":{"developer":"%b","project":"%b","user":"%b"}' % tuple(texts))


def _decoded(elements: bytes) -> dict[str, Any]:
    """Decode the elements of a document."""
    [found] = decoded((len(elements) + 5).to_bytes(4, "little") + elements + b"\0")
    return found
