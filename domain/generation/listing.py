"""Lists of generations, newest first: whose, which of them, and where a reader stands.

A place is the moment and the id of the last generation read. Rows never change either, so whoever goes on
behind a place gets nothing twice and misses nothing that stood when he began, whatever is added meanwhile.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.generation.generation import State, Status, status_of
from domain.sealed_cursor import SealedCursor

TOTAL_BOUND: Final = 10_000
"""A list is counted up to here; beyond it, its total says that it is more."""

CANCELING: Final = "canceling"
SHOWN_STATES: Final = (*(state.value for state in State if state is not State.SETTLED), CANCELING)
"""The states that clients see."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE: Final = struct.Struct(">q16s")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose generations: a project's, one user's in it, or those that are public in it."""

    project: str
    user: str | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """Which of them; all that are given must hold. Both bounds of time are exclusive.

    `metadata` are keys with the text of their values: the first is looked up, what it finds must have the
    others. `id` is what an Idempotency-Key leads to.
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
        """The states in which a generation may be found; empty for all."""
        if self.state is not None:
            return (self.state,)
        return () if self.status is None else states_of(self.status)


@dataclass(frozen=True, slots=True)
class Place:
    """The last generation that was read."""

    created_at: datetime
    id: str


class ListCursors:
    """Write and read places as cursors; one is good for one list with the same filters alone."""

    def __init__(self, secret: bytes) -> None:
        self._seal = SealedCursor(secret, "list")

    def write(self, place: Place, scope: Scope, filters: Filters) -> str:
        """Return 48 URL-safe characters."""
        moment = (place.created_at - _EPOCH) // timedelta(microseconds=1)
        return self._seal.write(_PLACE.pack(moment, UUID(place.id).bytes), _purpose(scope, filters))

    def read(self, text: str, scope: Scope, filters: Filters) -> Place | None:
        """Return what `write` was given; None for what is forged, mistyped or of another list."""
        content = self._seal.read(text, _purpose(scope, filters), size=_PLACE.size)
        if content is None:
            return None
        moment, key = _PLACE.unpack(content)
        return Place(_EPOCH + timedelta(microseconds=moment), str(UUID(bytes=key)))


def states_of(status: Status) -> tuple[str, ...]:
    """List the states that a client may see together with a status."""
    shown = [state.value for state in State if state is not State.SETTLED and status_of(state) == status]
    return (*shown, CANCELING) if status in ("pending", "processing") else tuple(shown)


def labels_of(project: str, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what can be filtered by: every member whose value is text, a number, true, false or null."""
    flat = {key: value for key, value in metadata.items() if not isinstance(value, dict | list)}
    return tuple(sorted(label_of(project, key, _text(value)) for key, value in flat.items()))


def label_of(project: str, key: str, text: str) -> str:
    """Hash a key and the text of its value: 32 hexadecimal digits, others in another project."""
    return hashlib.sha256(json.dumps([project, key, text]).encode()).hexdigest()[:32]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _purpose(scope: Scope, filters: Filters) -> str:
    return json.dumps([asdict(scope), asdict(filters)], default=str)
