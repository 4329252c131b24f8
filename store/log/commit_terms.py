from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from domain.audit.terms import (
    Envelope,
    ExpectedTerms,
    Owner,
    correlation_of,
    owner_from,
    owning_streams,
    terms_of,
)
from events.commit import leaf_hash
from events.envelope import read_json
from store.log.first_commits import first_commit, is_first, stream_of_first
from store.mongo.connection import Database, Document, raises_unavailable

_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError)
_KEPT: Final = 4096


class SealedBytes(NamedTuple):
    """The body of a commit, compared with the leaf at its position; None: it has no position."""

    position: int | None
    name: str
    body: bytes


class _Known(NamedTuple):
    """Whom a stream belongs to, by its first commit; `position` None: that one is not sealed."""

    owner: Owner
    position: int | None


@raises_unavailable
class CommitTerms:
    """Compute the terms of commits from stored bodies alone, whatever stands beside their positions.

    An owner is read from the first commit of a stream, whose body must be the sealed one. It never changes: the newest
    thousands are kept.
    """

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._owners: OrderedDict[str, _Known | None] = OrderedDict()

    async def of(self, commits: Sequence[SealedBytes]) -> Mapping[str, ExpectedTerms]:
        """Map commits to their terms; one whose body cannot be read is left out."""
        read = {one.name: found for one in commits if (found := read_body(one.body)) is not None}
        owning = {name: _owning(found.envelopes) for name, found in read.items()}
        positions = {one.name: one.position for one in commits}
        for name in filter(is_first, read):
            self._owners[stream_of_first(name)] = _Known(read[name].owner, positions[name])
        known = await self._known({stream for streams in owning.values() for stream in streams})
        return {
            name: _expected(found.own, [known[stream] for stream in owning[name] if stream in known], positions[name])
            for name, found in read.items()
        }

    async def _known(self, streams: Collection[str]) -> Mapping[str, _Known | None]:
        """Map streams to their owners, None for a damaged first commit; one that is not stored is left out."""
        if unknown := [stream for stream in streams if stream not in self._owners]:
            firsts = [first_commit(stream) for stream in unknown]
            entries = await self._log.find({"commit": {"$in": firsts}}, {"commit": 1, "leaf": 1}).to_list(None)
            sealed = {entry["commit"]: entry for entry in entries}
            for document in await self._commits.find({"_id": {"$in": firsts}}, {"body": 1}).to_list(None):
                name = document["_id"]
                self._owners[stream_of_first(name)] = _known_of(document.get("body"), sealed.get(name))
        known = {stream: self._owners[stream] for stream in streams if stream in self._owners}
        self._forget(known)
        return known

    def _forget(self, known: Mapping[str, _Known | None]) -> None:
        """Forget what may still change, and the oldest of the others."""
        for stream, one in known.items():
            if one is None or one.position is None:
                del self._owners[stream]
        while len(self._owners) > _KEPT:
            self._owners.popitem(last=False)


class ReadBody(NamedTuple):
    """The envelopes of a body, the terms that they have by themselves, and the owner that they lend to their stream."""

    envelopes: Sequence[Envelope]
    own: frozenset[str]
    owner: Owner


def read_body(body: object) -> ReadBody | None:
    """Read a body; None of one that gives no terms."""
    try:
        if not isinstance(body, bytes) or not (envelopes := tuple(read_json(bytes(body)))):
            return None
        return ReadBody(envelopes, frozenset(terms_of(envelopes, {})), owner_from(envelopes))
    except _MALFORMED:
        return None


def _owning(envelopes: Sequence[Envelope]) -> Sequence[str]:
    first = envelopes[0]
    return owning_streams(first["stream"], first["type"], map(correlation_of, envelopes))


def _expected(own: frozenset[str], known: Sequence[_Known | None], position: int | None) -> ExpectedTerms:
    """Compute the terms of a commit from those of its own events, and the first owner that is known."""
    if None in known:
        return ExpectedTerms(own, None)
    found = next((one for one in known if one is not None and one.owner), None)
    if found is None:
        return ExpectedTerms(own, {})
    late = found.position is None or position is None or found.position > position
    return ExpectedTerms(own, found.owner, late)


def _known_of(body: object, entry: Document | None) -> _Known | None:
    read = read_body(body)
    if read is None or not isinstance(body, bytes):
        return None
    if entry is None:
        return _Known(read.owner, None)
    return _Known(read.owner, entry["_id"]) if entry.get("leaf") == leaf_hash(body) else None
