"""Why a commit was not inserted: it is there, or another one is, or the server will take it later, or never."""

from collections.abc import Mapping
from typing import Any, Final

from store.errors import StoreUnavailableError, WriteRefusedError
from store.mongo.connection import DUPLICATE_KEY, TRANSIENT
from store.mongo.transactions import CommitOutcomeUnknownError

_NOT_ANSWERED: Final = frozenset({6, 7, 50, 89, 202, 262, 9001, 91331})
"""Codes by which a router says that it has no answer of a shard, which may have stored the commit nevertheless."""


class TakenError(Exception):
    """A commit with this id is stored, and is another one: this one was sent once."""


class DuplicateError(Exception):
    """A commit with this id is stored."""


def insert_fault(fault: Mapping[str, Any], duplicate: type[Exception]) -> Exception:
    """Make the error of a statement that failed; `duplicate` for a key that exists.

    What is not transient is refused each time, and must not stop what would wait for it; `CommitOutcomeUnknownError`
    where only reading tells.
    """
    code: int = fault["code"]
    if code == DUPLICATE_KEY:
        return duplicate()
    if code in _NOT_ANSWERED:
        return CommitOutcomeUnknownError()
    if code in TRANSIENT:
        return StoreUnavailableError(f"the append failed with code {code}")
    return WriteRefusedError(f"the append is refused with code {code}")
