"""Compare the terms beside each position with those of its commit, in the order of the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.audit.checkpoints import ContradictionError
from domain.audit.terms import is_of_endpoint, owner_among, owning_streams, term, values_of

FAULT: Final = "found by other terms than its events have"

OwnerTerms = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry that names the owner of a stream which begins behind it."""

    position: int
    name: str
    streams: Sequence[str]
    own: Sequence[str]
    stored: Sequence[str]


@dataclass(slots=True)
class TermsCheck:
    """What is known of the owners of streams; each owner is kept once."""

    _owners: dict[str, OwnerTerms] = field(default_factory=dict)
    _known: dict[OwnerTerms, OwnerTerms] = field(default_factory=dict)
    _waiting: list[_Waiting] = field(default_factory=list)

    def fault_of(self, entry: Mapping[str, Any], kind: str, own: Sequence[str], owner: Mapping[str, str]) -> str | None:
        """Tell whether an entry has other terms than its commit.

        kind: the type of the commit's first event; own: the terms of its events without an owner; owner: of the
        generation that begins with it, {} of anything else.
        """
        stream, stored = entry["stream"], entry.get("terms")
        if entry["commit"] == f"{stream}:1" and (named := owner_among(own) if is_of_endpoint(kind) else owner):
            terms = tuple(term(name, value) for name, value in named.items())
            self._owners[stream] = self._known.setdefault(terms, terms)
        streams = owning_streams(stream, kind, values_of(own, "correlation_id"))
        if stored == self._expected(streams, own):
            return None
        unknown = not any(name in self._owners for name in streams)
        if not streams or not unknown or not isinstance(stored, list) or not {*own} < {*map(str, stored)}:
            return FAULT
        self._waiting.append(_Waiting(entry["_id"], entry["commit"], streams, own, stored))
        return None

    def finish(self) -> None:
        """Compare what had to wait for its owner; raises ContradictionError."""
        for one in self._waiting:
            if one.stored != self._expected(one.streams, one.own):
                raise ContradictionError(f"position {one.position}: {one.name}: {FAULT}", one.position)

    def _expected(self, streams: Sequence[str], own: Sequence[str]) -> list[str]:
        owner = next((self._owners[name] for name in streams if name in self._owners), ())
        return sorted({*own, *owner})
