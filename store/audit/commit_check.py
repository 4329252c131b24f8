"""Check stored commits by their fields, without building events.

Most commits of generations are told by their bytes alone (store/audit/commit_bytes.py) and do not come here.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from domain.audit.terms import (
    OWNERS,
    correlation_of,
    is_of_endpoint,
    owner_among,
    owning_streams,
    term,
    terms_of,
)
from store.audit.stored_form import are_all, decoded, require_form
from store.fault_name import fault_name

Document = dict[str, Any]

_FORM: Final = {
    "_id": str, "stream": str, "first": int, "last": int, "types": list, "time": datetime, "leaf": bytes, "body": bytes
}  # fmt: skip

_OWNER = re.compile(rb'"owner":\{"developer":"([^"\\]*)","project":"([^"\\]*)","user":"([^"\\]*)"\}')
_REQUESTED: Final = "generation.requested"
_NO_ID: Final = "a commit without an id"
_CONTRADICTION: Final = "the fields beside the body contradict it"

Owner = tuple[str | None, str | None, str | None]
"""The developer, project and user of a generation; None elsewhere."""

NOBODY: Final = (None, None, None)

Terms = Sequence[str]

CheckedCommit = tuple[
    str, int, int, bytes, Owner, bool, str | None, Terms, Terms, Sequence[str], datetime | None
]  # fmt: skip
"""Id, first and last version, Merkle leaf, owner, whether it is unsealed, and how it contradicts its body; the terms
that its events have by themselves, those that it lends to its stream as the first commit, the streams that may lend it
some, and the time of its first event.
"""


class BodyTerms(NamedTuple):
    """The terms that the events of a body have by themselves, and the streams that may lend some to it."""

    own: Terms
    streams: Sequence[str]


def check_batch(batch: bytes) -> list[CheckedCommit]:
    """Check a batch of BSON documents of commits."""
    return [_checked(document) for document in decoded(batch)]


def _checked(document: Document) -> CheckedCommit:
    try:
        require_form(document, _FORM)
        return _compared(document)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        unread = f"is no commit ({fault_name(error)})"
        return str(document.get("_id", _NO_ID)), 0, 0, b"", NOBODY, False, unread, (), (), (), None


def _compared(document: Document) -> CheckedCommit:
    """Compare a document of the right form with its body."""
    name, first, last, body = document["_id"], document["first"], document["last"], document["body"]
    leaf, owner, within = sha256(b"\x00" + body).digest(), owner_beside(document), terms_within(document)
    beside = name, first, last, leaf, owner, "unsealed" in document
    if (
        within is None
        or name != f"{document['stream']}:{first}"
        or document["leaf"] != leaf
        or owner != _owner_within(document["types"][0], body)
    ):
        return *beside, _CONTRADICTION, (), (), (), document["time"]
    lent = _lent(document["types"][0], within.own, owner) if first == 1 else ()
    return *beside, None, within.own, lent, within.streams, document["time"]


def terms_within(document: Document) -> BodyTerms | None:
    """Compute the terms of a commit from its body; None if the body contradicts the fields beside it."""
    stream, types, body = document["stream"], document["types"], document["body"]
    if document["last"] - document["first"] + 1 != len(types) or not types or not are_all(types, str):
        return None  # a damaged number may be large
    envelopes = from_json(body)
    if not _matches(document, envelopes):
        return None
    streams = owning_streams(stream, types[0], map(correlation_of, envelopes))
    return BodyTerms(terms_of(envelopes, {}), tuple(streams))


def _lent(kind: str, own: Terms, owner: Owner) -> Terms:
    """Return the terms that the first commit of a stream lends to all of it."""
    named = owner_among(own) if is_of_endpoint(kind) else dict(zip(OWNERS, owner, strict=True))
    return tuple(term(name, value) for name, value in named.items() if value is not None)


def owner_beside(document: Document) -> Owner:
    """Return the owner that stands beside a body, or beside a position."""
    developer, project, user = map(document.get, OWNERS)
    return developer, project, user


def _owner_within(kind: str, body: bytes) -> Owner:
    """Read the owner of a generation's first event from its body."""
    if kind != _REQUESTED or (owner := _OWNER.search(body)) is None:
        return NOBODY
    developer, project, user = owner.groups()
    return developer.decode(), project.decode(), user.decode()


def _matches(document: Document, envelopes: list[Document]) -> bool:
    beside = (
        [(document["stream"], version) for version in range(document["first"], document["last"] + 1)],
        document["types"],
        _moment(document),
    )
    return _within(envelopes) == beside


def _moment(document: Document) -> str:
    moment: datetime = document["time"]
    return moment.isoformat(timespec="milliseconds")


def _within(events: list[dict[str, Any]]) -> tuple[list[tuple[str, int]], list[str], str]:
    """Read from a body the fields stored beside it; MongoDB keeps milliseconds of a time."""
    moment = datetime.fromisoformat(events[0]["time"]).replace(tzinfo=None)
    return (
        [(event["stream"], event["version"]) for event in events],
        [event["type"] for event in events],
        moment.isoformat(timespec="microseconds")[:23],
    )
