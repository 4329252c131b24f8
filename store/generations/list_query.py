"""The MongoDB queries of lists: conditions, the index for each, and what that index does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from domain.generation.listing import Filters, ListCursor, Scope, label_of
from store.mongo.connection import Document

NEWEST_FIRST: Final = [("created_at", DESCENDING), ("_id", DESCENDING)]

_SCOPES: Final[Mapping[str, tuple[tuple[str, ...], Document]]] = {
    "own": (("project", "user"), {"erased": False}),
    "project": (("project",), {"erased": False}),
    "public": (("project",), {"is_public": True}),
}
_FIELDS: Final[Mapping[str, tuple[tuple[str, ...], Document]]] = {
    "all": ((), {}),
    "state": (("shown",), {}),
    "label": (("labels",), {"labels": {"$gt": ""}}),
    "request": (("request_id",), {}),
}
_NOT_INDEXED: Final[Mapping[str, frozenset[str]]] = {
    "request": frozenset({"labels", "$expr", "shown", "status"}),
    "label": frozenset({"$expr", "shown", "status"}),
    "state": frozenset({"status"}),
    "all": frozenset(),
}

INDEXES: Final = [
    IndexModel(
        [*((field, ASCENDING) for field in (*owner, *fields)), *NEWEST_FIRST],
        name=f"{scope}_{kind}",
        partialFilterExpression={**kept, **some},
    )
    for scope, (owner, kept) in _SCOPES.items()
    for kind, (fields, some) in _FIELDS.items()
]
"""One index for each scope and each kind of filter; every one ends in the order of the list."""


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Scope and filters as MongoDB's conditions; `rest` is compared with the rows that `indexed` finds."""

    indexed: Document
    rest: Document
    index: str

    @property
    def conditions(self) -> Document:
        return {**self.indexed, **self.rest}


def row_query(scope: Scope, filters: Filters, cursor: ListCursor | None = None) -> RowQuery:
    """Write scope and filters as a query for the rows older than the cursor."""
    conditions = {**_conditions(scope, filters), **_older_than(cursor)}
    if filters.id is not None:
        return RowQuery(conditions, {}, "_id_")
    name = "public" if scope.public else "project" if scope.user is None else "own"
    kind = _kind(filters)
    # A state of its own among several of a status leaves the status to be compared.
    not_indexed = _NOT_INDEXED[kind] if kind != "state" or filters.state is not None else frozenset()
    return RowQuery(
        indexed={field: value for field, value in conditions.items() if field not in not_indexed},
        rest={field: value for field, value in conditions.items() if field in not_indexed},
        index=f"{name}_{kind}",
    )


def _kind(filters: Filters) -> str:
    """Name the kind of filter whose index leaves the fewest rows."""
    if filters.request_id is not None:
        return "request"
    if filters.metadata:
        return "label"
    return "state" if filters.shown_states else "all"


def _conditions(scope: Scope, filters: Filters) -> Document:
    equal = {
        "user": scope.user,
        "status": filters.status,
        "request_id": filters.request_id,
        "_id": filters.id,
    }
    query: Document = {"project": scope.project}
    query |= {name: value for name, value in equal.items() if value is not None}
    query |= {"is_public": True} if scope.public else {"erased": False}
    if states := filters.shown_states:
        query["shown"] = {"$in": list(states)} if len(states) > 1 else states[0]
    moments = {"$gt": filters.created_after, "$lt": filters.created_before}
    if bounds := {name: moment for name, moment in moments.items() if moment is not None}:
        query["created_at"] = bounds
    return query | _labels(scope, filters)


def _labels(scope: Scope, filters: Filters) -> dict[str, Any]:
    labels = [label_of(scope.project, key, text) for key, text in filters.metadata]
    if not labels:
        return {}
    # One label is found by the index; as an expression the others do not make the planner choose again.
    others = {"$expr": {"$setIsSubset": [labels[1:], "$labels"]}} if labels[1:] else {}
    return {"labels": labels[0], **others}


def _older_than(cursor: ListCursor | None) -> Document:
    if cursor is None:
        return {}
    return {
        "$and": [{"created_at": {"$lte": cursor.created_at}}],  # bounds the index
        # Leaves out the rows of the same moment that were read; in this form the planner has no other plan.
        "$nor": [{"created_at": cursor.created_at, "_id": {"$gte": cursor.id}}],
    }
