"""Compare a stored body with the fields beside it by its bytes, without parsing it.

Canonical JSON sorts names: the same members stand before and behind the data of every event, and the events of a commit
have one cause. Inside a string a quote is escaped, so what is found here are names and values of envelopes.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_HEAD: Final = re.compile(
    rb'\[(\{"actor":"([^"\\]*)",(?:"causationid":"[^"\\]*",)?(?:"correlationid":"([^"\\]*)",)?"data":)'
)
_IN_EACH: Final = b'"specversion":"1.0","stream":"'
_BEFORE_STREAM: Final = b'"source":"urn:exemplar","specversion":"1.0","stream":"'
_BEFORE_SUBJECT: Final = b'","subject":"'
_BEFORE_TIME: Final = b'","time":"'
_REQUEST: Final = b'"requestid":"'
_REST_OF_TIME: Final = re.compile(rb'[0-9]{3}Z"')
_TO_MILLISECONDS: Final = 23  # characters of a time


class SharedCause(NamedTuple):
    """Who acted, in which chain of events, and by which request; no text for what is not there."""

    actor: str
    correlation: str
    request: str


def shared_cause(body: bytes, stream: str, ends: Sequence[bytes], moment: str) -> SharedCause | None:
    """Read the cause of a body whose events are of a stream, have these ends, and of which the first is of a moment.

    None for another body, and for one that has to be parsed to tell. ends: of `ends_of`.
    """
    head, count, name = _HEAD.match(body), len(ends), stream.encode()
    if head is None:
        return None
    begin, actor, correlation = head.groups(b"")
    request = _request_in(body)
    middle = _BEFORE_STREAM + name + _BEFORE_SUBJECT + name + _BEFORE_TIME
    if request:
        middle = _REQUEST + request + b'",' + middle
    if b"\\" in request or not body.count(middle) == body.count(begin) == body.count(_IN_EACH) == count:
        return None
    time = body.find(middle) + len(middle)
    rest = time + _TO_MILLISECONDS
    if body[time:rest] != moment.encode() or _REST_OF_TIME.match(body, rest) is None:
        return None
    if not body.endswith(ends[-1] + b"]") or (count > 1 and not _follow(body, rest, begin, ends)):
        return None
    return SharedCause(actor.decode(), correlation.decode(), request.decode())


@lru_cache(maxsize=4096)
def ends_of(types: tuple[str, ...], first: int) -> Sequence[bytes]:
    """Write how events of these types end, numbered from a version; kept, because most streams have the same ones."""
    return [f'"type":"{kind}","version":{version}}}'.encode() for version, kind in enumerate(types, first)]


def _request_in(body: bytes) -> bytes:
    """Return the request of the last event; no text where there is none."""
    start = body.rfind(_REQUEST)
    return b"" if start < 0 else body[start + len(_REQUEST) : body.find(b'"', start + len(_REQUEST))]


def _follow(body: bytes, start: int, begin: bytes, ends: Sequence[bytes]) -> bool:
    """Tell whether each event but the last ends so, followed by the next one."""
    for end in ends[:-1]:
        start = body.find(end + b"," + begin, start)
        if start < 0:
            return False
    return True
