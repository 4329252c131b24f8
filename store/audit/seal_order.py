"""What can be told of the order of positions without a signature."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - stored times are read without a zone
MILLISECOND: Final = timedelta(milliseconds=1)

_MOST: Final = 1000
_MOST_STREAMS: Final = 10_000  # more than are sealed at once
_EARLIEST: Final = (datetime.min - EPOCH) // MILLISECOND  # noqa: DTZ901 - see above
_LATEST: Final = (datetime.max - EPOCH) // MILLISECOND  # noqa: DTZ901


@dataclass(slots=True)
class SealOrder:
    """Notes positions that are not in the order of sealing; times are milliseconds since 1970.

    A commit is sealed after it was written. What is sealed at once is ordered by the first commit of each of its
    streams, and streams are not mixed. A position that breaks this is `astray`: it helps to find the place that a
    signature contradicts, but proves nothing, because clocks differ and two rounds of sealing may have one time.
    """

    sealed_at: int = _EARLIEST
    astray: list[int] = field(default_factory=list)
    _noted: int = 0
    _last: bytes = b""
    _streams: dict[bytes, int] = field(default_factory=dict)

    def allows(self, sealed_at: int) -> bool:
        """Tell whether the next position may have this time of sealing: a time, and not before the last one."""
        if sealed_at != self.sealed_at:
            if not self.sealed_at < sealed_at <= _LATEST:
                return False
            self.sealed_at, self._last, self._streams = sealed_at, b"", {}
        return True

    def note(self, position: int, stream: bytes, time: int) -> None:
        """Note the commit at a position, by its stream and the time of its first event."""
        if stream == self._last:
            if time > self.sealed_at:
                self._add(position)
            return
        earlier = self._streams.get(self._last, _EARLIEST)
        if stream in self._streams or time < earlier or time > self.sealed_at:
            self._add(position)
            self._streams.pop(stream, None)
        self._streams[stream] = time
        self._last = stream
        if len(self._streams) > _MOST_STREAMS:
            del self._streams[next(iter(self._streams))]

    def _add(self, position: int) -> None:
        """Note a position, at most so many in all."""
        self._noted += 1
        if self._noted <= _MOST:
            self.astray.append(position)

    def taken(self) -> list[int]:
        """Return what was noted since the last call."""
        taken, self.astray = self.astray, []
        return taken


def milliseconds(time: datetime) -> int:
    """Count from 1970; a stored time has no zone."""
    return (time - EPOCH) // MILLISECOND
