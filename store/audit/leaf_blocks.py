"""Hash the leaves of a part of the log into blocks, from which a whole tree is put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.audit.merkle import Frontier


class Growth(NamedTuple):
    """A tree grows to `size` leaves; hashes: the frontier of its last block, up to there."""

    size: int
    hashes: tuple[bytes, ...]


@dataclass(slots=True)
class LeafBlocks:
    """Blocks of 2**level leaves behind `size`, which is a multiple of theirs.

    stops: sizes within a block at which the frontier is asked for, too, the smallest last.
    """

    level: int
    size: int
    stops: list[int]
    _open: list[bytes] = field(default_factory=list)

    def add(self, leaves: Sequence[bytes]) -> list[Growth]:
        """Append leaves; list the sizes that are reached."""
        reached, block, self._open = list[Growth](), 1 << self.level, [*self._open, *leaves]
        while True:
            end = self.size + min(block, len(self._open))
            while self.stops and self.stops[-1] <= end:
                if (stop := self.stops.pop()) < self.size + block:
                    reached.append(self._grown(stop))
            if len(self._open) < block:
                return reached
            reached.append(self._grown(end))
            self.size, self._open = end, self._open[block:]

    def _grown(self, size: int) -> Growth:
        return Growth(size, Frontier().extended(self._open[: size - self.size]).hashes)
