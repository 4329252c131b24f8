from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class LogRange:
    """The positions behind `after` up to `last`, and of the commits `limit` behind the first `skip`; 0: all others.

    head: the last position of the log. level: the leaves are hashed into blocks of 2**level, of which `after` is a
    multiple. sizes: those at which the tree is compared.
    """

    after: int
    last: int
    head: int
    level: int
    sizes: Sequence[int]
    skip: int = 0
    limit: int = 0

    def divided(self, count: int) -> Sequence["LogRange"]:
        """Divide a whole log into at most so many ranges of whole blocks, each with as many of its commits."""
        block = 1 << self.level
        step = max(1, -(-self.last // (block * count))) * block
        ends = [*range(0, self.last, step), self.last]
        parts = [self._part(after, last) for after, last in pairwise(ends)]
        return parts or [self]

    def _part(self, after: int, last: int) -> "LogRange":
        sizes = [size for size in self.sizes if after < size <= last]
        limit = 0 if last == self.last else last - after
        return replace(self, after=after, last=last, sizes=sizes, skip=after, limit=limit)
