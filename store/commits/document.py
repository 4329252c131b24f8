"""The document of a commit: its body, and the index fields beside it."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from events.catalogue import UnknownEventError
from events.commit import Commit, commit_from, leaf_hash
from events.generation import GenerationRequested
from events.stream_fault import StreamFaultError
from store.commits.unreadable import UNREADABLE, UnreadableCommit, log_unreadable, reason_of
from store.errors import DamagedCommitError
from store.fault_name import fault_name
from store.mongo.connection import Document

OWNER: Final = ("developer", "project", "user")
_LEAF_BYTES = 32
_beside: Final = itemgetter("_id", "stream", "first", "last", "types", "time")

_Parsed = tuple[Commit, tuple[Any, ...]]
"""A commit, and the values of `_beside` that its document must have."""


def document_of(commit: Commit, time: datetime) -> Document:
    """Write a new commit, which is not sealed."""
    rest = {"time": time, "writer": commit.writer, "body": commit.body, "unsealed": True}
    return {**_index_fields(commit), **_sealed_fields(commit), **rest}


def readable(document: Document) -> Commit | None:
    """Read a commit's document; log and return None for one that is damaged or of a newer version."""
    try:
        return stored_commit(document)
    except UNREADABLE as error:
        log_unreadable(unreadable_commit(document, error))
        return None


def unreadable_commit(document: Document, error: Exception) -> UnreadableCommit:
    """Name a commit that cannot be read."""
    developer = document.get("developer")
    return UnreadableCommit(
        *stream_and_first(document), reason_of(error), developer if isinstance(developer, str) else None
    )


def stream_and_first(document: Document) -> tuple[str, int]:
    """Read the stream and the first version from a commit's id, whatever the fields beside it hold."""
    stream, _, first = str(document["_id"]).rpartition(":")
    return stream, int(first) if first.isdecimal() else 0


def stored_commit(document: Document, *, once: bool = False) -> Commit:
    """Read a commit's document; DamagedCommitError for a damaged one, or fields that contradict it.

    once: it is not read again soon, so it is not kept. Raises UnknownEventError for an event of a newer version.
    """
    try:
        return _sound_commit(document, _parse if once else _parsed)
    except UnknownEventError:
        raise
    except UNREADABLE as error:
        raise DamagedCommitError(document["_id"], reason_of(error)) from error


def _sound_commit(document: Document, parse: Callable[[bytes, str], _Parsed]) -> Commit:
    body = document["body"]
    if not isinstance(body, bytes):
        raise StreamFaultError(f"commit {document['_id']}: its body is of another kind")
    commit, within = parse(bytes(body), document["writer"])
    if _beside(document) != within:
        raise StreamFaultError(f"commit {document['_id']}: the fields beside the body contradict it")
    return commit


def _parse(body: bytes, writer: str) -> _Parsed:
    """Parse a body, and the fields that must stand beside it."""
    commit = commit_from(body, writer=writer)
    time = commit.events[0].time
    whole = time.replace(microsecond=time.microsecond // 1000 * 1000)  # as precise as MongoDB's dates
    return commit, (*_index_fields(commit).values(), whole)


_parsed: Final = lru_cache(maxsize=256)(_parse)  # because few commits are read often; each takes some kilobytes


def fault_beside_body(document: Document) -> str | None:
    """Tell what is wrong with the fields that sealing and the subscribers read; None when nothing is."""
    try:
        stream, first, last, types = (document[name] for name in ("stream", "first", "last", "types"))
        owner = [document[name] for name in OWNER] if types[0] == GenerationRequested.type else []
        sound = (
            document["_id"] == f"{stream}:{first:d}"
            and len(types) == last - first + 1 > 0
            and isinstance(types, list)
            and isinstance(document["time"], datetime)
            and len(document["leaf"]) == _LEAF_BYTES
            and all(isinstance(text, str) for text in (stream, *types, *owner))
        )
    except (KeyError, TypeError, ValueError, LookupError) as error:
        return f"no field {error}" if isinstance(error, KeyError) else fault_name(error)
    return None if sound else "its fields contradict each other"


def _sealed_fields(commit: Commit) -> Document:
    """Return what sealing copies, so that it need not read the body; the audit compares it with the body."""
    first, leaf = commit.events[0].event, leaf_hash(commit.body)
    if isinstance(first, GenerationRequested):
        return {"leaf": leaf, **first.owner.model_dump()}
    return {"leaf": leaf}


def _index_fields(commit: Commit) -> Document:
    return {
        "_id": commit.id,
        "stream": commit.stream,
        "first": commit.first,
        "last": commit.last,
        "types": [event.type for event in commit.events],
    }
