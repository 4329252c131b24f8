"""The document of a position: what sealing copies from a commit, and the terms that find it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.audit.terms import correlation_of, term, terms_of
from store.mongo.connection import Document


def first_commit(stream: str) -> str:
    """Name the commit that a stream begins with."""
    return f"{stream}:1"


def entry_of(position: int, commit: Document, owners: Mapping[str, Document], sealed_at: datetime) -> Document:
    """Write the entry of a commit; `owners` has the owners of generations, by their streams.

    The entry names the owner of its own stream only. Terms also name that of the generation that caused it.
    """
    return {
        "_id": position,
        "commit": commit["_id"],
        "stream": commit["stream"],
        "leaf": commit["leaf"],
        "sealed_at": sealed_at,
        "terms": _terms(commit, owners),
        **owners[commit["stream"]],
    }


def correlations_of(commits: Sequence[Document]) -> set[str]:
    """Name the streams in which the chains of these commits began."""
    return {correlation_of(envelope) for commit in commits for envelope in _envelopes(commit)}


def _terms(commit: Document, owners: Mapping[str, Document]) -> list[str]:
    envelopes = _envelopes(commit)
    streams = [commit["stream"], *map(correlation_of, envelopes)]
    owner = next((found for stream in streams if (found := owners.get(stream))), {})
    found = {*terms_of(envelopes, owner), *(term("type", name) for name in commit["types"])}
    return sorted(found)


def _envelopes(commit: Document) -> list[dict[str, Any]]:
    """Read a commit's envelopes; none of a body that cannot be read, which the audit reports."""
    try:
        envelopes = json.loads(commit["body"])
        [(envelope["type"], envelope["stream"], envelope["data"].get) for envelope in envelopes]
    except (ValueError, TypeError, LookupError, AttributeError):
        return []
    return list(envelopes)
