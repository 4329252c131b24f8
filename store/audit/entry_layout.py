"""Write the bytes of the log's entries, with gaps for what differs among them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from domain.audit.terms import OWNERS
from store.audit.bson_layout import LEAF, Text, array, literal, string

_HEAD: Final = 13  # bytes of an entry before `commit`: its size, and `_id` as a number of 32 bits
_ID: Final = b"\x10_id\0"
_TIME_BYTES: Final = 8
_REQUEST_BYTES: Final = 32
_SHORT: Final = 2**31

OwnerIds = Sequence[bytes]
"""The developer, project and user of a generation; empty where there is none."""


Lengths = tuple[int, int, bool, Sequence[int]]
"""The lengths of a stream's name and of an actor; whether there is a request; the lengths of an owner's ids."""


class EntryLayout(NamedTuple):
    """The bytes around the time of sealing, with gaps for what differs; where that stands, and the size of all."""

    before: bytes
    after: bytes
    sealed_at: int
    size: int

    def sealed_in(self, entry: bytes, position: int, before: Sequence[bytes], after: Sequence[bytes]) -> int | None:
        """Return the time of sealing of the entry at a position, in milliseconds since 1970; None for another entry.

        before: the stream twice, and the leaf; after: as `gaps_after`.
        """
        if (
            len(entry) == self.size
            and entry.startswith(self.before % before, _HEAD)
            and entry.endswith(self.after % after)
            and entry[4:9] == _ID
            and int.from_bytes(entry[9:_HEAD], "little") == position < _SHORT
        ):
            return int.from_bytes(entry[self.sealed_at : self.sealed_at + _TIME_BYTES], "little", signed=True)
        return None


def gaps_after(actor: bytes, stream: bytes, request: bytes, owner: OwnerIds) -> Sequence[bytes]:
    """List what stands in the gaps behind the time of sealing."""
    requests = (request,) if request else ()
    return (actor, stream, *owner[:2], *requests, *owner[2:], *owner)


@lru_cache(maxsize=4096)
def entry_layout(types: Sequence[str], first: int, lengths: Lengths) -> EntryLayout:
    """Lay out the entries of commits with these types of a generation, numbered from a version."""
    stream, actor, request, owner = lengths
    number, owners = f":{first}".encode(), [*zip(OWNERS, owner, strict=False)]
    before = string("commit", b"%b" + number, stream + len(number)) + string("stream", b"%b", stream)
    before += LEAF + b"%b" + literal(b"\x09sealed_at\0")
    named = [("actor", actor), ("correlation_id", stream), *owners]
    named += [("request_id", _REQUEST_BYTES)] if request else []
    terms: list[Text] = [(f"{name}=%b".encode(), len(name) + 1 + size) for name, size in named]
    terms += [(literal(text), len(text)) for text in {f"type={kind}".encode() for kind in types}]
    after = array("terms", sorted(terms)) + b"".join(string(name, b"%b", size) for name, size in owners) + b"\0"
    sealed_at = _HEAD + len(before % (bytes(stream), bytes(stream), bytes(32)))
    gaps = gaps_after(bytes(actor), bytes(stream), bytes(_REQUEST_BYTES if request else 0), [*map(bytes, owner)])
    return EntryLayout(before, after, sealed_at, sealed_at + _TIME_BYTES + len(after % gaps))
