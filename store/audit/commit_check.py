"""Check stored commits as raw BSON, without building events: about 100,000 a second.

Runs in processes of its own (store/audit/commit_scan.py), so these are functions over bytes only.
"""

import json
import re
from datetime import datetime
from hashlib import sha256
from typing import Any

import bson

Document = dict[str, Any]  # not from store/mongo/connection.py: these processes do not load the driver

FIELDS = dict.fromkeys(
    ("stream", "first", "last", "types", "time", "leaf", "developer", "project", "user", "body", "unsealed"), 1
)

# Canonical JSON sorts names: this is how the envelope of the last event of every commit ends.
_BEGIN = b'"specversion":"1.0","stream":"'
_BETWEEN = re.compile(rb'[0-9]{3}Z"(?:,"traceparent":"[^"\\]+")?')

_OWNER = re.compile(rb'"owner":\{"developer":"([^"\\]*)","project":"([^"\\]*)","user":"([^"\\]*)"\}')

CheckedCommit = tuple[str, int, int, bytes, bool, str | None]
"""Id, first and last version, Merkle leaf, whether it is unsealed, and how it contradicts its body.

A plain tuple, because many of them are sent from process to process.
"""


def check_batch(batch: bytes) -> list[CheckedCommit]:
    """Check a batch of BSON documents with the `FIELDS`."""
    return [_checked(document) for document in bson.decode_all(batch)]


def _checked(document: Document) -> CheckedCommit:
    try:
        body, first, last = document["body"], document["first"], document["last"]
        leaf = sha256(b"\x00" + body).digest()
        agrees = document["_id"] == f"{document['stream']}:{first}" and (
            _end_matches(document, body) or _matches(document, body)
        )
        agrees = agrees and document["leaf"] == leaf and _owner_matches(document, body)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        return str(document["_id"]), 0, 0, b"", False, f"is no commit ({error!r})"
    fault = None if agrees else "the fields beside the body contradict it"
    return document["_id"], first, last, leaf, "unsealed" in document, fault


def _owner_matches(document: Document, body: bytes) -> bool:
    """Compare the owner beside the body with those of a generation's first event."""
    requested = document["types"][0] == "generation.requested"
    owner = _OWNER.search(body) if requested else None
    within = [name.decode() for name in owner.groups()] if owner else [None] * 3
    return [document.get(name) for name in ("developer", "project", "user")] == within


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


def _matches(document: Document, body: bytes) -> bool:
    beside = (
        [(document["stream"], version) for version in range(document["first"], document["last"] + 1)],
        document["types"],
        _moment(document),
    )
    return _within(json.loads(body)) == beside


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
