import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Protocol

import bson
from bson.errors import BSONError

from domain.audit.invariants import shortened
from store.commits.stream_walk import FoldedStream
from store.mongo.connection import Document

MALFORMED: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, BSONError)
"""What comparing a document raises whose members are not what this code writes."""

_MOST_OF_VALUE: Final = 70  # characters
_PLAIN: Final = frozenset({str, int, bool, bytes, datetime, type(None)})

INCOMPARABLE: Final = "cannot be compared"
"""The field of a difference that stands for a malformed document; what is stored is then the fault."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what the log says.

    model: the collection; key: the document's `_id`; field: its name, dotted, or `_id` for a document that is missing
    (`stored` is None) or must not exist (`log` is None); stream: what was folded, None for the whole log.
    """

    model: str
    key: str
    field: str
    log: Any
    stored: Any
    stream: str | None = None

    @property
    def fault(self) -> str:
        """Say what is wrong, in one line."""
        if self.field == INCOMPARABLE:
            return f"{INCOMPARABLE}: {_short(self.stored)}"
        return f"{self.field}: {_short(self.log)} in the log, {_short(self.stored)} stored"


@dataclass(slots=True)
class Compared:
    """The documents of each model that were read, and what differs.

    moving: what changed during each comparison, and could not be compared.
    """

    documents: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)

    def add(self, model: str, stream: str, wanted: Mapping[str, Document], stored: Mapping[str, Document]) -> None:
        """Compare documents by key, each field by its BSON: what the log says, and what is stored."""
        self.documents[model] = self.documents.get(model, 0) + len(stored)
        for key in sorted({*wanted, *stored}):
            self.differences += differences_of(model, key, wanted.get(key), stored.get(key), stream)


def _short(value: Any) -> str:
    """Write a value as JSON, a text as it is."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return shortened(text, _MOST_OF_VALUE)


def incomparable(model: str, key: str, error: Exception, stream: str | None = None) -> Difference:
    """Name a document, or with `*` a whole model, that cannot be compared."""
    return Difference(model, key, INCOMPARABLE, None, f"{type(error).__name__}: {error}", stream)


class ReadModel(Protocol):
    """Documents that are derived from the streams of one or several kinds."""

    kinds: ClassVar[Collection[str]]

    async def compare(self, streams: Sequence[FoldedStream]) -> Compared:
        """Compare the documents of these streams, which may have moved on since they were folded."""

    def owners(self) -> AsyncIterator[tuple[str, str, str]]:
        """Read (model, key, stream) of every document, to find those whose stream does not exist."""

    async def count(self) -> Mapping[str, int]:
        """Count the documents of each model."""


def differences_of(
    model: str, key: str, wanted: Document | None, stored: Document | None, stream: str | None = None
) -> list[Difference]:
    """Compare two documents field by field; a document that is missing on one side is one difference."""
    if wanted is None or stored is None:
        return [Difference(model, key, "_id", None if wanted is None else key, None if stored is None else key, stream)]
    return [
        Difference(model, key, name, wanted.get(name), stored.get(name), stream)
        for name in sorted({*wanted, *stored})
        if (name in wanted) != (name in stored) or not _is_same(wanted[name], stored[name])
    ]


def _is_same(wanted: Any, stored: Any) -> bool:
    """Tell whether two values are kept as the same bytes; equal ones of a plain type are."""
    kind = type(wanted)
    if kind in _PLAIN and kind is type(stored) and wanted == stored:
        return True
    return _bytes(wanted) == _bytes(stored)


def _bytes(value: Any) -> bytes:
    """Encode a value as MongoDB keeps it: times have whole milliseconds; the order of members does not count."""
    return bson.encode({"": _sorted(value)})


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list | tuple) else value
