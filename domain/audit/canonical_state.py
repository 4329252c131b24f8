"""The canonical encoding of folded states and their hash: the same bytes in every process, on every machine.

Nothing depends on the order of insertion, on Python's hashes or on the locale: members are sorted (RFC 8785), sets
become sorted lists, times are RFC 3339 in UTC with microseconds. `docs/audit.md` defines it for other programs.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter, methodcaller
from typing import Any, Final

from pydantic import BaseModel

from events.canonical_json import canonical_json
from events.envelope import format_time

HEADER: Final = b"exemplar state 1\n"
_JSON: Final = frozenset({str, int, bool, float, type(None)})  # most fields are of these types and need no encoder


def encoded(value: Any) -> Any:
    """Turn a state into JSON: a dataclass or an event by its fields' names, a mapping, a set, a list or a value.

    Raises TypeError for any other kind.
    """
    return _encoder_of(type(value))(value)  # type: ignore[arg-type]  # every type can be hashed


@cache
def _encoder_of(kind: type) -> Callable[[Any], Any]:
    """Choose how values of a type are encoded; kept, because a state has many of a few types."""
    for known, encode in _ENCODERS:
        if issubclass(kind, known):
            return encode
    if is_dataclass(kind):
        return _encoder_of_fields(tuple(one.name for one in fields(kind)))
    raise TypeError(f"{kind.__name__} has no canonical encoding")


def _encoder_of_fields(names: tuple[str, ...]) -> Callable[[Any], Any]:
    def encode(value: Any) -> Any:
        values = [getattr(value, name) for name in names]
        return {name: one if type(one) in _JSON else encoded(one) for name, one in zip(names, values, strict=True)}

    return encode


def _itself(value: Any) -> Any:
    return value


_ENCODERS: Final[Sequence[tuple[type | tuple[type, ...], Callable[[Any], Any]]]] = (
    ((type(None), bool, float), _itself),
    (Enum, attrgetter("value")),
    ((int, str), _itself),
    (datetime, format_time),
    (BaseModel, methodcaller("model_dump", mode="json")),
    (Mapping, lambda value: {str(encoded(name)): encoded(one) for name, one in value.items()}),
    (Set, lambda value: sorted(map(encoded, value))),
    (Sequence, lambda value: [*map(encoded, value)]),
)
"""The first row that a type is a subclass of is how its values are encoded."""


def state_digest(stream: str, version: int, state: Any) -> bytes:
    """Hash the state of one stream at a version: SHA-256 of the canonical JSON of [stream, version, state]."""
    return hashlib.sha256(canonical_json([stream, version, encoded(state)])).digest()


class StateHash:
    """The hash of many streams: SHA-256 of a header and of their digests, in the order of the streams' names."""

    def __init__(self) -> None:
        self._hasher = hashlib.sha256(HEADER)
        self._last = ""

    def add(self, stream: str, digest: bytes) -> None:
        """Add the next stream; ValueError unless its name follows, by its UTF-8 bytes."""
        if stream.encode() <= self._last.encode():
            raise ValueError(f"{stream} does not follow {self._last}")
        self._last = stream
        self._hasher.update(digest)

    def hexdigest(self) -> str:
        return self._hasher.hexdigest()
