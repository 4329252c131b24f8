"""The canonical encoding of folded states and their hash: the same bytes in every process, on every machine.

Nothing depends on the order of insertion, on Python's hashes or on the locale: members are sorted (RFC 8785), sets
become sorted lists, times are RFC 3339 in UTC with microseconds. `docs/audit.md` defines it for other programs.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

import rfc8785
from pydantic import BaseModel

from events.envelope import format_time

HEADER: Final = b"exemplar state 1\n"


def encoded(value: Any) -> Any:
    """Turn a state into JSON: a dataclass or an event by its fields' names, a mapping, a set, a list or a value.

    Raises TypeError for any other kind.
    """
    match value:
        case None | bool() | float():
            return value
        case Enum():
            return value.value
        case int() | str():
            return value
        case datetime():
            return format_time(value)
        case BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return {str(encoded(name)): encoded(one) for name, one in value.items()}
        case Set():
            return sorted(encoded(one) for one in value)
        case Sequence():
            return [encoded(one) for one in value]
        case _ if is_dataclass(value):
            return {one.name: encoded(getattr(value, one.name)) for one in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical encoding")


def state_digest(stream: str, version: int, state: Any) -> bytes:
    """Hash the state of one stream at a version: SHA-256 of the canonical JSON of [stream, version, state]."""
    return hashlib.sha256(rfc8785.dumps([stream, version, encoded(state)])).digest()


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
