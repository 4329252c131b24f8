"""Compare the terms beside each position with those of its commit, in the order of the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.audit.checkpoints import ContradictionError
from store.audit.commit_check import CheckedCommit, Terms
from store.audit.known_streams import KnownStream, KnownStreams

FAULT: Final = "found by other terms than its events have"
_END: Final = 2**53  # behind every position
_NONE: Final[Mapping[str, Terms]] = {}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry that names the owner of a stream which begins behind it."""

    position: int
    name: str
    streams: Sequence[str]
    own: Terms
    stored: Sequence[str]


@dataclass(slots=True)
class TermsCheck:
    """The terms of a commit are those of its events, and those that the first of some streams lends that has any."""

    known: KnownStreams
    _waiting: list[_Waiting] = field(default_factory=list)

    async def fault_of(self, entry: Mapping[str, Any], commit: CheckedCommit) -> str | None:
        """Tell whether the entry of a commit has other terms than it."""
        name, first, _, _, _, _, _, own, lends, streams, _ = commit
        stored, begun = entry.get("terms"), {entry["stream"]: lends} if first == 1 else {}
        lent = await self._lent(streams, entry["_id"], begun)
        if stored == sorted({*own, *lent}):
            return None
        if lent or not streams or not isinstance(stored, list) or not {*own} < {*map(str, stored)}:
            return FAULT
        self._waiting.append(_Waiting(entry["_id"], name, streams, own, stored))
        return None

    async def finish(self) -> None:
        """Compare what had to wait for its owner; raises ContradictionError."""
        for one in self._waiting:
            if one.stored != sorted({*one.own, *await self._lent(one.streams, _END)}):
                raise ContradictionError(f"position {one.position}: {one.name}: {FAULT}", one.position)

    async def _lent(self, streams: Sequence[str], before: int, begun: Mapping[str, Terms] = _NONE) -> Terms:
        """Return what the first of some streams lends that lends anything, and begins before a position.

        begun: what one lends that begins there.
        """
        for stream in streams:
            if lent := begun.get(stream) or await self.known.lent_by(stream, before):
                return lent
        return ()


def agrees_alone(entry: Mapping[str, Any], commit: CheckedCommit, known: KnownStream | None) -> bool:
    """Tell whether an entry has the terms of its commit, if no other stream may lend it some; mostly so."""
    _, _, _, _, _, _, _, own, lends, streams, _ = commit
    if not streams:
        return entry.get("terms") == [*own]
    if streams != (entry["stream"],):
        return False
    return entry.get("terms") == sorted({*own, *(lends if known is None else known.lent)})
