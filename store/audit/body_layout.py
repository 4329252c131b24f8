"""Read the body of a commit by its bytes, without parsing it.

Canonical JSON sorts names: the same members stand before and behind the data of every event, and the events of a commit
have one cause. Inside a string a quote is escaped, so what is found here are names and values of envelopes.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from store.audit.seal_order import EPOCH, MILLISECOND

_SCHEMA: Final = b'"dataschema":"'
_BEFORE_SCHEMA: Final = b',"datacontenttype":"application/json",'
_DATA: Final = b'"data":'
_SOURCE: Final = b'"source":"urn:exemplar","specversion":"1.0","stream":"%b","subject":"%b","time":"'
_REQUEST: Final = b'"requestid":"'
_REQUEST_BYTES: Final = 32
_TRACE: Final = re.compile(rb'","traceparent":"[^"\\]*",')
_TIME_BYTES: Final = 27  # 2026-11-20T12:00:00.000000Z
_DEVELOPER: Final = b"developer:"
_STREAM: Final = b"\0"  # stands for the name of the stream; JSON has none
_HEAD: Final = re.compile(rb'\[\{"actor":"([^"\\\0]*)",(?:"causationid":"[^"\\]*",)?(?:"correlationid":"\0",)?"data":')


CommitCause = tuple[bytes, bytes]
"""Who acted, and by which request of 32 characters; the last is empty where there was none."""


class BodyLayout:
    """Where things stand in the bodies of all commits with these types of events, numbered from a version."""

    def __init__(self, types: Sequence[str], first: int) -> None:
        numbered = [*enumerate(types, first)]
        self._ids = [f'","id":"%b:{version}",'.encode() for version, _ in numbered]
        ends = [f'"type":"{kind}","version":{version}}}'.encode() for version, kind in numbered]
        self._between, self._last = ends[:-1], ends[-1] + b"]"

    def cause(self, body: bytes, stream: bytes, moment: int) -> CommitCause | None:
        """Read the cause of a body that has this layout; None for another body, and for one that must be parsed.

        Its chain of events began in the stream itself. moment: of its events, in milliseconds since 1970.
        """
        pieces = body.split(_SCHEMA)
        begin, last = pieces[0], pieces[-1]
        head = begin[: begin.find(_DATA) + len(_DATA)]
        actor = None if _STREAM[0] in head else _actor_in(head.replace(stream, _STREAM))
        if actor is None or len(pieces) != len(self._ids) + 1 or not last.endswith(self._last):
            return None
        start, named = last.find(b'"'), self._ids[-1] % stream
        middle = last[start + len(named) : -len(self._last)]
        request = _request_in(middle, stream, moment)
        if request is None or not last.startswith(named, start) or not begin.endswith(_BEFORE_SCHEMA):
            return None
        if self._between and not self._follow(pieces, stream, head, middle):
            return None
        return actor, request

    def _follow(self, pieces: Sequence[bytes], stream: bytes, head: bytes, middle: bytes) -> bool:
        """Tell whether each event but the last ends as it must, followed by the head of the next one."""
        following = b"," + head[1:]
        for piece, named, end in zip(pieces[1:-1], self._ids, self._between, strict=False):
            expected = named % stream + middle + end + following
            if not (piece.startswith(expected, piece.find(b'"')) and piece.endswith(_BEFORE_SCHEMA)):
                return False
        return True


def _request_in(middle: bytes, stream: bytes, moment: int) -> bytes | None:
    """Read the request from what stands between the id and the type of events: also their stream, time and trace."""
    request, at = b"", 0
    if middle.startswith(_REQUEST):
        at = len(_REQUEST) + _REQUEST_BYTES
        request = middle[len(_REQUEST) : at]
        if not (request.isalnum() and middle.startswith(b'",', at)):
            return None
        at += 2
    source = _SOURCE % (stream, stream)
    time = at + len(source)
    behind = middle[time + _TIME_BYTES :]
    if not middle.startswith(source, at) or (behind != b'",' and _TRACE.fullmatch(behind) is None):
        return None
    return request if _moment_of(middle[time : time + _TIME_BYTES]) == moment else None


@lru_cache(maxsize=4096)
def _actor_in(head: bytes) -> bytes | None:
    """Read the actor from what stands before the data, with the stream's name replaced; kept: few are different.

    None for one whose events have terms of their own.
    """
    try:
        head.decode()
    except UnicodeDecodeError:
        return None
    found = _HEAD.fullmatch(head)
    return None if found is None or found[1].startswith(_DEVELOPER) else found[1]


def _moment_of(text: bytes) -> int | None:
    """Count the milliseconds since 1970 of a time as a body has it; None for another text."""
    if len(text) != _TIME_BYTES or text.translate(None, b"0123456789") != b"--T::.Z":
        return None
    try:
        return (datetime.fromisoformat(text[:-1].decode()) - EPOCH) // MILLISECOND
    except ValueError:
        return None
