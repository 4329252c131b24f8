"""Lists of generations, newest first: scope, filters and cursors.

A cursor holds the creation time and the id of the last generation read. Neither ever changes, so a reader
that continues from a cursor gets nothing twice and misses nothing that existed when it began.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.generation.generation import State, Status, status_of
from domain.sealed_token import SealedTokens

TOTAL_BOUND: Final = 10_000
"""Lists are counted up to this bound; a larger total is reported as inexact."""

CANCELING: Final = "canceling"
SHOWN_STATES: Final = (*(state.value for state in State if state is not State.SETTLED), CANCELING)
"""The states that clients see."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORMAT: Final = struct.Struct(">q16s")


@dataclass(frozen=True, slots=True)
class Scope:
    """The generations of a project, of one of its users, or its public ones."""

    project: str
    user: str | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that must all hold; both bounds of time are exclusive.

    `metadata` holds keys with the text of their values: an index finds the first, the others are compared.
    `id` is derived from an Idempotency-Key.
    """

    status: Status | None = None
    state: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    request_id: str | None = None
    id: str | None = None

    @property
    def shown_states(self) -> tuple[str, ...]:
        """The shown states that match; empty for all."""
        if self.state is not None:
            return (self.state,)
        return () if self.status is None else states_of(self.status)


@dataclass(frozen=True, slots=True)
class ListCursor:
    """The last generation that was read."""

    created_at: datetime
    id: str


class ListCursors:
    """Write and read cursors as text; one is valid for one list with the same filters alone."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._tokens = SealedTokens(secrets, "list cursor")

    def write(self, cursor: ListCursor, scope: Scope, filters: Filters) -> str:
        """Return 48 URL-safe characters."""
        microseconds = (cursor.created_at - _EPOCH) // timedelta(microseconds=1)
        content = _FORMAT.pack(microseconds, UUID(cursor.id).bytes)
        return self._tokens.seal(content, _context(scope, filters))

    def read(self, text: str, scope: Scope, filters: Filters) -> ListCursor | None:
        """Return what `write` was given; None for a forged, mistyped or foreign cursor."""
        content = self._tokens.open(text, _context(scope, filters))
        if content is None:
            return None
        microseconds, key = _FORMAT.unpack(content)
        return ListCursor(_EPOCH + timedelta(microseconds=microseconds), str(UUID(bytes=key)))


def states_of(status: Status) -> tuple[str, ...]:
    shown = [state.value for state in State if state is not State.SETTLED and status_of(state) == status]
    return (*shown, CANCELING) if status in ("pending", "processing") else tuple(shown)


def labels_of(project: str, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """List the labels of all metadata whose value is text, a number, true, false or null."""
    flat = [(key, value) for key, value in metadata.items() if not isinstance(value, dict | list)]
    texts = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in flat]
    return tuple(sorted(label_of(project, key, text) for key, text in texts))


def label_of(project: str, key: str, text: str) -> str:
    """Hash a project, a key and the text of its value to 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps([project, key, text]).encode()).hexdigest()[:32]


def _context(scope: Scope, filters: Filters) -> str:
    return json.dumps([asdict(scope), asdict(filters)], default=str)
