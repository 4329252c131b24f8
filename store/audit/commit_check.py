"""Check stored commits as raw BSON, without building events: about 100,000 a second.

Runs in processes of its own (store/audit/commit_scan.py), so these are functions over bytes only.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json

from domain.audit.terms import terms_of
from store.audit.stored_form import are_all, decoded, require_form

Document = dict[str, Any]  # not from store/mongo/connection.py: these processes do not load the driver

FIELDS = dict.fromkeys(
    ("stream", "first", "last", "types", "time", "leaf", "developer", "project", "user", "body", "unsealed"), 1
)

_FORM: Final = {
    "_id": str, "stream": str, "first": int, "last": int, "types": list, "time": datetime, "leaf": bytes, "body": bytes
}  # fmt: skip
_OWNER_NAMES: Final = ("developer", "project", "user")

# Canonical JSON sorts names: this is how the envelope of the last event of every commit ends.
_BEGIN = b'"specversion":"1.0","stream":"'
_BETWEEN = re.compile(rb'[0-9]{3}Z"(?:,"traceparent":"[^"\\]+")?')

_OWNER = re.compile(rb'"owner":\{"developer":"([^"\\]*)","project":"([^"\\]*)","user":"([^"\\]*)"\}')

_GENERATION: Final = "generation."
_DEVELOPER: Final = b"developer:"  # an actor who owns
_DEVELOPERS: Final = b"developer-"  # the streams of owners
_DATA_END: Final = b'"datacontenttype":'
_HEAD = re.compile(rb'\[\{"actor":"([^"\\]*)",(?:"causationid":"[^"\\]*",)?(?:"correlationid":"([^"\\]*)",)?"data":')
_TAIL = re.compile(
    rb'"datacontenttype":"[^"\\]*","dataschema":"[^"\\]*","id":"[^"\\]*",(?:"requestid":"([^"\\]*)",)?'
    rb'"source":"[^"\\]*","specversion":"1\.0","stream":"([^"\\]*)",'
)

Owner = tuple[str | None, str | None, str | None]
"""The developer, project and user of a generation; None elsewhere."""

NOBODY: Final = (None, None, None)

CheckedCommit = tuple[str, int, int, bytes, Owner, bool, str | None, str, Sequence[str], datetime | None]
"""Id, first and last version, Merkle leaf, owner, whether it is unsealed, and how it contradicts its body; the first
type of its events, the terms that these have by themselves, and their time.

A plain tuple, because many of them are sent from process to process.
"""


def check_batch(batch: bytes) -> list[CheckedCommit]:
    """Check a batch of BSON documents with the `FIELDS`."""
    return [_checked(document) for document in decoded(batch)]


def _checked(document: Document) -> CheckedCommit:
    try:
        require_form(document, _FORM)
        body, first, last = document["body"], document["first"], document["last"]
        envelopes: list[Document] | None = None
        leaf = sha256(b"\x00" + body).digest()
        agrees = (
            are_all(document["types"], str)
            and document["_id"] == f"{document['stream']}:{first}"
            and (_end_matches(document, body) or _matches(document, envelopes := from_json(body)))
        )
        owner = owner_beside(document)
        agrees = agrees and document["leaf"] == leaf and owner == _owner_within(document, body)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        unread = f"is no commit ({type(error).__name__}: {error})"
        return str(document.get("_id")), 0, 0, b"", NOBODY, False, unread, "", (), None
    fault = None if agrees else "the fields beside the body contradict it"
    terms = () if fault else own_terms(document["types"], body, envelopes)
    kind, time = document["types"][0], document["time"]
    return document["_id"], first, last, leaf, owner, "unsealed" in document, fault, kind, terms, time


def own_terms(types: Sequence[str], body: bytes, parsed: Sequence[Document] | None = None) -> Sequence[str]:
    """Compute the terms of a commit without those of its owner; one event of a generation is not parsed."""
    if parsed is None and len(types) == 1 and types[0].startswith(_GENERATION):
        head, tail = _HEAD.match(body), _TAIL.search(body, max(0, body.rfind(_DATA_END)))
        if head and tail and not (head[1].startswith(_DEVELOPER) or tail[2].startswith(_DEVELOPERS)):
            return _terms_between(types[0], head, tail)
    return terms_of(from_json(body) if parsed is None else parsed, {})


def _terms_between(kind: str, head: re.Match[bytes], tail: re.Match[bytes]) -> Sequence[str]:
    """Write the terms of a generation's event from the two ends of its envelope, in alphabetical order."""
    actor, correlation = head.groups()
    request, stream = tail.groups()
    terms = [f"actor={actor.decode()}", f"correlation_id={(correlation or stream).decode()}"]
    return (*terms, *([f"request_id={request.decode()}"] if request else ()), f"type={kind}")


def owner_beside(document: Document) -> Owner:
    """Return the owner that stands beside a body, or beside a position."""
    developer, project, user = map(document.get, _OWNER_NAMES)
    return developer, project, user


def owner_named(owner: Owner) -> dict[str, str]:
    """Map the names of an owner's ids to those that there are."""
    return {name: value for name, value in zip(_OWNER_NAMES, owner, strict=True) if value is not None}


def _owner_within(document: Document, body: bytes) -> Owner:
    """Read the owner of a generation's first event from its body."""
    requested = document["types"][0] == "generation.requested"
    if not requested or (owner := _OWNER.search(body)) is None:
        return NOBODY
    developer, project, user = owner.groups()
    return developer.decode(), project.decode(), user.decode()


def _end_matches(document: Document, body: bytes) -> bool:
    """Compare with the end of a body of one event; False when the body has to be parsed.

    Inside a string a quote is escaped, so these bytes are names and values of an envelope.
    """
    version, kinds, stream = document["first"], document["types"], document["stream"]
    if version != document["last"] or len(kinds) != 1 or body.count(_BEGIN) != 1:
        return False
    middle = f'{stream}","subject":"{stream}","time":"{_moment(document)}'.encode()
    end = f',"type":"{kinds[0]}","version":{version}}}]'.encode()
    start = body.find(_BEGIN) + len(_BEGIN)
    between = body[start + len(middle) : -len(end)]
    return body.startswith(middle, start) and body.endswith(end) and _BETWEEN.fullmatch(between) is not None


def _matches(document: Document, envelopes: list[Document]) -> bool:
    if document["last"] - document["first"] + 1 != len(document["types"]):
        return False  # a damaged number may be large
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
