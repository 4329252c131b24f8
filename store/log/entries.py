"""The documents of positions: what sealing copies from a commit with the terms that find it, and their commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from domain.audit.terms import Envelope, correlation_of, term, terms_of
from events.catalogue import UnknownEventError
from events.commit import Commit
from events.envelope import read_json
from store.commits.document import stored_commit
from store.mongo.connection import Document

log = structlog.get_logger()


class ReadCommit(NamedTuple):
    """A sealed commit: None for a damaged one, and for a `newer` one, which only newer code can read."""

    commit: Commit | None
    newer: bool = False


class Owners(NamedTuple):
    """The ids of whom streams belong to, by their names: those of generations, and of webhook endpoints."""

    generations: Mapping[str, Document]
    endpoints: Mapping[str, Document]

    def of(self, streams: Sequence[str]) -> Document:
        """Return the owner of the first of some streams that has one, a generation's before an endpoint's."""
        found = [known.get(stream) for known in self for stream in streams]
        return next(filter(None, found), {})


def entry_of(
    position: int,
    commit: Document,
    envelopes: Sequence[Envelope],
    owners: Owners,
    sealed_at: datetime,
) -> Document:
    """Write the entry of a commit with these envelopes.

    The entry names the owner of its own stream only. Terms also name that of the generation that caused it, and
    that of a webhook endpoint.
    """
    return {
        "_id": position,
        "commit": commit["_id"],
        "stream": commit["stream"],
        "leaf": commit["leaf"],
        "sealed_at": sealed_at,
        "terms": _terms(commit, envelopes, owners),
        **owners.generations[commit["stream"]],
    }


def _terms(commit: Document, envelopes: Sequence[Envelope], owners: Owners) -> list[str]:
    owner = owners.of([commit["stream"], *map(correlation_of, envelopes)])
    return sorted({*terms_of(envelopes, owner), *(term("type", name) for name in commit["types"])})


def envelopes_of(commit: Document) -> Sequence[Envelope]:
    """Read a commit's envelopes; none of a body that gives no terms, so that it stops no other commit."""
    try:
        envelopes = tuple(read_json(commit["body"]))
        "".join(terms_of(envelopes, {})).encode()
    except Exception as error:  # noqa: BLE001 - whatever a damaged body leads to concerns this commit alone
        log.critical("commit_unreadable", commit=commit["_id"], error=type(error).__name__)
        return ()
    return envelopes


async def commits_of(commits: Any, entries: Sequence[Document]) -> dict[str, ReadCommit]:
    """Read the commits of some entries by their ids; what cannot be read is logged."""
    ids = [entry["commit"] for entry in entries]
    documents = await commits.find({"_id": {"$in": ids}}).to_list(None) if ids else []
    found = {document["_id"]: document for document in documents}
    return {name: _read(name, found.get(name)) for name in ids}


def _read(name: str, document: Document | None) -> ReadCommit:
    if document is None:
        log.critical("commit_unreadable", commit=name, error="missing")
        return ReadCommit(None)
    try:
        return ReadCommit(stored_commit(document))
    except (ValueError, KeyError, TypeError) as error:
        log.critical("commit_unreadable", commit=name, error=type(error).__name__)
        return ReadCommit(None, newer=isinstance(error, UnknownEventError))
