"""Verify a range of positions with the commits that stand there."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from domain.audit.checkpoints import ContradictionError
from domain.audit.terms import GENERATION_STREAM, OWNERS, term
from store.audit.commit_bytes import CommitFacts, CommitReader
from store.audit.commit_check import NOBODY, CheckedCommit, Owner, Terms, check_batch, owner_beside
from store.audit.entry_layout import OwnerIds, entry_layout, gaps_after
from store.audit.known_streams import KnownStream, KnownStreams
from store.audit.seal_order import SealOrder, milliseconds
from store.audit.stored_form import decoded, has_form
from store.audit.terms_check import TermsCheck, agrees_alone

_GENERATION: Final = GENERATION_STREAM.encode()
_DEVELOPERS: Final = b"developer-"  # streams whose events have terms of their own
_OWNER_TYPES: Final = {str, type(None)}
_ENTRY: Final = {"_id": int, "commit": str, "stream": str, "leaf": bytes}


@dataclass(slots=True)
class RangeCheck:
    """Verify positions one after the other; `position` is the last verified one, streams: how many began.

    Most entries and commits are compared as bytes. Whatever is different from what they must be then is decoded, and
    compared field by field, which finds it sound or names the fault.
    """

    known: KnownStreams
    position: int = 0
    streams: int = 0
    sealing: SealOrder = field(default_factory=SealOrder)
    _terms: TermsCheck = field(init=False)
    _reader: CommitReader = field(default_factory=CommitReader)
    _name: bytes | None = None  # the stream of the last position, if that was compared as bytes
    _stream: KnownStream | None = None
    _owner: OwnerIds = ()

    def __post_init__(self) -> None:
        self._terms = TermsCheck(self.known)

    def agrees(self, entry: bytes, name: bytes, commit: bytes | None) -> bytes | None:
        """Verify the next position with its commit by their bytes, and return its leaf; None: they do not tell."""
        facts = None if commit is None else self._reader.read(commit, name)
        return None if facts is None or not self._agrees(entry, facts) else facts[2]

    async def finish(self) -> None:
        """Compare what had to wait for a stream that begins later; raises ContradictionError."""
        await self._terms.finish()

    def _agrees(self, entry: bytes, facts: CommitFacts) -> bool:
        """Compare a position with a commit of a generation by its bytes; False where this does not tell."""
        stream, kind, leaf, owner, moment, (actor, request) = facts
        if stream != self._name and not self._turn_to(stream):
            return False
        known = self._stream
        if kind.first != (1 if known is None else known.last + 1):
            return False
        if known is not None:
            owner = self._owner
        if owner and not stream.startswith(_GENERATION):
            return False
        lengths = len(stream), len(actor), bool(request), tuple(map(len, owner))
        layout = entry_layout(kind.types, kind.first, lengths)
        gaps = gaps_after(actor, stream, request, owner)
        sealed_at = layout.sealed_in(entry, self.position + 1, (stream, stream, leaf), gaps)
        if sealed_at is None or not self.sealing.allows(sealed_at):
            return False
        self.position += 1
        self.sealing.note(self.position, stream, moment)
        if known is None:
            self._begin(stream, kind.last, owner)
        else:
            known.last = kind.last
        return True

    def _turn_to(self, stream: bytes) -> bool:
        """Look at another stream than before; False where it has to be decoded to go on."""
        self._name, name = None, _text_of(stream)
        if name is None or stream.startswith(_DEVELOPERS):
            return False
        self._stream, self._owner = self.known.get(name), ()
        if self._stream is not None:
            named = self._stream.owner
            if self._stream.lent != _lent_by(named) or (named != NOBODY and None in named):
                return False
            self._owner = tuple(str(one).encode() for one in named if one is not None)
            self.known.use(name)
        self._name = stream
        return True

    def _begin(self, stream: bytes, last: int, owner: OwnerIds) -> None:
        named: Owner = NOBODY
        if owner:
            developer, project, user = (one.decode() for one in owner)
            named = (developer, project, user)
        self.streams += 1
        self._stream, self._owner = self.known.add(stream.decode(), last, named, _lent_by(named)), owner

    async def check(self, stored: bytes, document: bytes | None) -> bytes:
        """Verify the next position field by field, and return its leaf; raises ContradictionError."""
        self._name, position = None, self.position + 1
        [entry] = decoded(stored)
        if not has_form(entry, _ENTRY):
            raise ContradictionError(f"position {position} is damaged, or missing", position)
        if document is None:
            missing = f"{entry['commit']} is missing, or has an earlier position too"
            raise ContradictionError(f"position {position}: {missing}", position)
        [commit] = check_batch(document)
        known = self.known.get(entry["stream"]) or await self._recalled(entry["stream"], commit)
        fault = self._fault(entry, commit, known)
        if fault is None and not agrees_alone(entry, commit, known):
            fault = await self._terms.fault_of(entry, commit)
        if fault is not None:
            raise ContradictionError(f"position {position}: {commit[0]}: {fault}", position)
        self._note(entry["stream"], commit, known)
        leaf: bytes = entry["leaf"]
        return leaf

    async def _recalled(self, stream: str, commit: CheckedCommit) -> KnownStream | None:
        """Read a stream again that was forgotten; None if it begins with this commit, or does not lead to it."""
        _, first, _, _, _, _, fault, *_ = commit
        if first > 1 and fault is None:
            await self.known.recall({stream: first - 1}, self.position + 1)
        return self.known.get(stream)

    def _fault(self, entry: dict[str, Any], commit: CheckedCommit, known: KnownStream | None) -> str | None:
        name, first, _, leaf, owner, _, fault, *_ = commit
        reached = known.last if known is not None else 0
        if entry["_id"] != self.position + 1:
            return f"is at {entry['_id']}: a position is missing"
        if leaf and leaf != entry["leaf"]:
            return "its body is not the one that was sealed"
        if fault is not None:
            return fault
        if name != f"{entry['stream']}:{first}" or name != entry["commit"]:  # twice, if a field is there twice
            return "sealed under another stream"
        if first <= reached:
            return "has an earlier position too"
        if first != reached + 1:
            return f"follows version {reached} of its stream"
        sealed = owner_beside(entry)
        if sealed != (owner if known is None else known.owner) or not {*map(type, sealed)} <= _OWNER_TYPES:
            return "sealed under another owner"
        return self._fault_of_sealing(entry.get("sealed_at"))

    def _fault_of_sealing(self, sealed_at: object) -> str | None:
        if not isinstance(sealed_at, datetime):
            return "has no time of sealing"
        allowed = self.sealing.allows(milliseconds(sealed_at))
        return None if allowed else "was sealed before the position that it follows"

    def _note(self, stream: str, commit: CheckedCommit, known: KnownStream | None) -> None:
        """Go on behind a position that was verified."""
        _, _, last, _, owner, _, _, _, lent, _, time = commit
        self.position += 1
        if time is not None:
            self.sealing.note(self.position, stream.encode(), milliseconds(time))
        if known is None:
            self.streams += 1
            self.known.add(stream, last, owner, lent)
        else:
            known.last = last
            self.known.use(stream)


def _text_of(name: bytes) -> str | None:
    """Read the name of a stream; None for what is no text."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=4096)
def _lent_by(owner: Owner) -> Terms:
    """Return the terms that a generation lends, by its owner."""
    return tuple(term(name, value) for name, value in zip(OWNERS, owner, strict=True) if value is not None)
