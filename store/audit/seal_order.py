"""What can be told of the order of positions without a signature."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

_MOST: Final = 1000
_MOST_STREAMS: Final = 10_000  # more than are sealed at once


@dataclass(slots=True)
class SealOrder:
    """Notes positions that are not in the order of sealing.

    A commit is sealed after it was written. What is sealed at once is ordered by the first commit of each of its
    streams, and streams are not mixed. A position that breaks this is `astray`: it helps to find the place that a
    signature contradicts, but proves nothing, because clocks differ and two rounds of sealing may have one time.
    """

    astray: list[int] = field(default_factory=list)
    _sealed_at: datetime | None = None
    _streams: dict[str, datetime | None] = field(default_factory=dict)

    def fault_of(self, sealed_at: object) -> str | None:
        """Tell what is wrong with the next time of sealing; these never decrease."""
        if not isinstance(sealed_at, datetime):
            return "has no time of sealing"
        if self._sealed_at is not None and sealed_at < self._sealed_at:
            return "was sealed before the position that it follows"
        if sealed_at != self._sealed_at:
            self._sealed_at, self._streams = sealed_at, {}
        return None

    def note(self, position: int, stream: str, time: datetime | None) -> None:
        """Note the commit at a position, by its stream and the time of its first event."""
        last = next(reversed(self._streams), None)
        unwritten = time is not None and self._sealed_at is not None and time > self._sealed_at
        if (unwritten or (stream != last and self._is_mixed(stream, last, time))) and len(self.astray) < _MOST:
            self.astray.append(position)
        if stream != last:
            self._streams.pop(stream, None)
            self._streams[stream] = time
            if len(self._streams) > _MOST_STREAMS:
                del self._streams[next(iter(self._streams))]

    def _is_mixed(self, stream: str, last: str | None, time: datetime | None) -> bool:
        earlier = None if last is None else self._streams[last]
        return stream in self._streams or (earlier is not None and time is not None and time < earlier)

    def first_astray(self, after: int, last: int) -> int | None:
        """Return the first such position behind another one, up to a third one."""
        return next((one for one in self.astray if after < one <= last), None)
