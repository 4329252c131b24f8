"""Entries of the sealed log with their commits, compared before anything of them is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from domain.audit.checkpoints import ContradictionError
from domain.audit.terms import ExpectedTerms
from events.commit import Commit, leaf_hash
from store.audit.stored_form import has_form
from store.log.commit_terms import CommitTerms, SealedBytes
from store.log.entries import ReadCommit, commits_of
from store.mongo.connection import Database, Document, raises_unavailable

_FORM: Final = {"_id": int, "commit": str, "stream": str, "leaf": bytes, "sealed_at": datetime, "terms": list}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A commit at its position; `commit` None: it is damaged, or of a `newer` version, which newer code can read.

    sealed_at: None, and leaf empty, where the entry itself is malformed.

    Damaged is also a commit that is not the one that was sealed, and one that is to be found by other terms than its
    events have. terms: those of its events where they can be told. owner_known: they tell whom it belongs to.
    """

    position: int
    sealed_at: datetime | None
    name: str
    terms: Sequence[str]
    leaf: bytes
    commit: Commit | None
    newer: bool = False
    owner_known: bool = True


@raises_unavailable
class AuditEntries:
    """Read the commits of entries. Nothing that stands beside a position is believed: who may see it depends on it."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._terms = CommitTerms(database)

    async def read(self, entries: Sequence[Document]) -> Sequence[AuditEntry]:
        """Read the commits of some entries, in their order; what contradicts its commit is logged."""
        whole = [entry for entry in entries if has_form(entry, _FORM)]
        commits = await commits_of(self._commits, whole)
        sealed = {name: commit for name, entry in _named(whole) if (commit := _sealed(entry, commits[name]))}
        bodies = [SealedBytes(entry["_id"], name, sealed[name].body) for name, entry in _named(whole) if name in sealed]
        terms = await self._terms.of(bodies)
        read = {entry["_id"]: _entry(entry, commits[name], sealed.get(name), terms) for name, entry in _named(whole)}
        return [read.get(entry["_id"]) or _malformed(entry) for entry in entries]

    async def require_terms(self, entries: Sequence[Document], bodies: Mapping[str, object]) -> None:
        """Raise ContradictionError for an entry with other terms than those of its body, if that one was sealed."""
        sealed = [
            SealedBytes(entry["_id"], entry["commit"], body)
            for entry in entries
            if isinstance(body := bodies.get(entry["commit"]), bytes) and leaf_hash(body) == entry["leaf"]
        ]
        terms = await self._terms.of(sealed)
        for entry in entries:
            if (expected := terms.get(entry["commit"])) and not expected.allow(entry["terms"]):
                message = f"position {entry['_id']}: its terms are not those of its events"
                raise ContradictionError(message, entry["_id"])

    async def terms_of(self, position: int | None, commit: Commit) -> ExpectedTerms:
        """Compute the terms of one commit."""
        return (await self._terms.of([SealedBytes(position, commit.id, commit.body)]))[commit.id]


def _named(entries: Sequence[Document]) -> Sequence[tuple[str, Document]]:
    return [(entry["commit"], entry) for entry in entries]


def _malformed(entry: Document) -> AuditEntry:
    log.critical("log_entry_malformed", position=entry["_id"])
    name = str(entry.get("commit", "unknown"))
    return AuditEntry(entry["_id"], None, name, [*map(str, entry.get("terms") or ())], b"", None)


def _sealed(entry: Document, read: ReadCommit) -> Commit | None:
    """Return the commit that was sealed at a position; None for another one."""
    commit = read.commit
    if commit is None or (entry["leaf"], entry["stream"]) == (leaf_hash(commit.body), commit.stream):
        return commit
    log.critical("commit_contradicts_position", position=entry["_id"], commit=commit.id)
    return None


def _entry(
    entry: Document, read: ReadCommit, commit: Commit | None, expected: Mapping[str, ExpectedTerms]
) -> AuditEntry:
    found = {"position": entry["_id"], "sealed_at": entry["sealed_at"], "name": entry["commit"]}
    found["leaf"] = bytes(entry["leaf"])
    if commit is None:
        return AuditEntry(**found, terms=entry["terms"], commit=None, newer=read.newer)
    terms = expected[entry["commit"]]
    if terms.owner is None:
        return AuditEntry(**found, terms=entry["terms"], commit=commit, owner_known=False)
    if not terms.allow(entry["terms"]):
        log.critical("terms_contradict_commit", position=entry["_id"], commit=commit.id)
        return AuditEntry(**found, terms=terms.all, commit=None)
    return AuditEntry(**found, terms=entry["terms"], commit=commit)
