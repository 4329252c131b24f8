"""What verification remembers of streams: a bounded number; the others are read again where they go on."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from store.audit.commit_check import CheckedCommit, Owner, Terms
from store.audit.commit_scan import CommitScan
from store.log.first_commits import first_commit

KEPT: Final = 50_000
_AT_ONCE: Final = 500
_MOSTLY: Final = 10  # events of a commit at most, with few exceptions


@dataclass(slots=True)
class KnownStream:
    """The last verified version of a stream, the owner beside its positions, and the terms that it lends."""

    last: int
    owner: Owner
    lent: Terms


@dataclass(slots=True)
class KnownStreams:
    """The streams that were used last, at most `KEPT`."""

    scan: CommitScan
    _known: OrderedDict[str, KnownStream] = field(default_factory=OrderedDict)
    _owners: dict[tuple[Owner, Terms], tuple[Owner, Terms]] = field(default_factory=dict)  # each owner once

    def get(self, stream: str) -> KnownStream | None:
        return self._known.get(stream)

    def use(self, stream: str) -> None:
        """Forget a known stream later than the others."""
        self._known.move_to_end(stream)

    def add(self, stream: str, last: int, owner: Owner, lent: Terms) -> KnownStream:
        """Note a stream that was not known."""
        if len(self._owners) >= KEPT:
            self._owners.clear()
        added = self._known[stream] = KnownStream(last, *self._owners.setdefault((owner, lent), (owner, lent)))
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return added

    async def recall(self, versions: Mapping[str, int], before: int) -> None:
        """Read streams again that were forgotten, up to a version of each: what was sealed before a position."""
        wanted = [(stream, version) for stream, version in versions.items() if stream not in self._known]
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            names = [name for stream, version in some for name in (first_commit(stream), *_possible(stream, version))]
            found = await self.scan.earlier(names, before)
            for stream, version in some:
                if await self._has_reached(stream, version, found, before):
                    *_, owner, _, _, _, lent, _, _ = found[first_commit(stream)]
                    self.add(stream, version, owner, lent)

    async def lent_by(self, stream: str, before: int) -> Terms | None:
        """Return the terms that a stream lends; None if it does not begin before a position."""
        if (known := self._known.get(stream)) is not None:
            return known.lent
        first = (await self.scan.earlier([first_commit(stream)], before)).get(first_commit(stream))
        return None if first is None else first[8]

    async def _has_reached(self, stream: str, version: int, found: Mapping[str, CheckedCommit], before: int) -> bool:
        """Tell whether a stream has its first commit, and one that ends with a version."""
        if first_commit(stream) not in found:
            return False
        if any(name in found and found[name][2] == version for name in _possible(stream, version)):
            return True
        name = await self.scan.last_up_to(stream, version)
        longer = {} if name is None else await self.scan.earlier([name], before)
        return any(commit[2] == version for commit in longer.values())


def _possible(stream: str, version: int) -> Iterator[str]:
    """Name the commits that may end with a version."""
    return (f"{stream}:{first}" for first in range(version, max(0, version - _MOSTLY), -1))
