"""The MongoDB queries of lists: conditions, the index for each, and what that index does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from domain.generation.listing import Filters, ListCursor, Scope, label_of
from store.mongo.connection import Document

NEWEST_FIRST: Final = [("created_at", DESCENDING), ("_id", DESCENDING)]

_SCOPE: Final = frozenset({"project", "user", "erased", "is_public"})
_KEPT: Final[Document] = {"erased": False}
_LABELED: Final[Document] = {"erased": False, "labels": {"$gt": ""}}
_PUBLIC: Final[Document] = {"is_public": True}


def _shown_by(some: Document) -> str:
    """Name the field by which a partial index chooses rows that may be shown."""
    return next(iter(some))


_INDEXES: Final[Mapping[str, tuple[tuple[str, ...], Document]]] = {
    "own_all": (("project", "user"), _KEPT),
    "own_state": (("project", "user", "shown"), _KEPT),
    "own_label": (("project", "user", "labels"), _LABELED),
    "project_all": (("project",), _KEPT),
    "project_state": (("project", "shown"), _KEPT),
    "project_label": (("project", "labels"), _LABELED),
    "project_request": (("project", "request_id"), _KEPT),
    "public_all": (("project",), _PUBLIC),
    "public_state": (("project", "shown"), _PUBLIC),
}
_NOT_INDEXED: Final[Mapping[str, frozenset[str]]] = {
    "request": frozenset({"user", "labels", "$expr", "shown", "status"}),
    "label": frozenset({"$expr", "shown", "status"}),
    "state": frozenset({"status", "labels", "$expr", "request_id"}),
    "all": frozenset({"labels", "$expr", "request_id"}),
}

INDEXES: Final = [
    IndexModel(
        [*((field, ASCENDING) for field in (*fields, _shown_by(some))), *NEWEST_FIRST],
        name=f"list_{name}",
        partialFilterExpression=some,
    )
    for name, (fields, some) in _INDEXES.items()
]
"""The indexes of lists, by scope and kind of filter; every one ends in the order of the list.

Each holds the field by which it is partial too: otherwise MongoDB reads every row to compare it, also to count them.
"""


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Scope and filters as MongoDB's conditions; `rest` is compared with the rows that `indexed` finds."""

    indexed: Document
    rest: Document
    index: str

    @property
    def conditions(self) -> Document:
        return {**self.indexed, **self.rest}

    @property
    def is_covered(self) -> bool:
        """Tell whether the index alone answers a page of ids; one over labels has several keys for a row."""
        return not self.rest and self.index.endswith(("_all", "_state"))

    @property
    def is_whole(self) -> bool:
        """Tell whether it is a whole list, without any filter: one index has all of it in order, and no other has."""
        return self.index.endswith("_all") and self.conditions.keys() <= _SCOPE


def row_query(scope: Scope, filters: Filters, cursor: ListCursor | None = None) -> RowQuery:
    """Write scope and filters as a query for the rows older than the cursor."""
    conditions = {**_conditions(scope, filters), **_older_than(cursor)}
    if filters.id is not None:
        return RowQuery(conditions, {}, "_id_")
    index, kind = _index(scope, filters), _kind(scope, filters)
    # The states of a status are those of the index, so that the status need not be compared.
    rest = _NOT_INDEXED[kind] - ({"status"} if kind == "state" and filters.state is None else set())
    return RowQuery(
        indexed={field: value for field, value in conditions.items() if field not in rest},
        rest={field: value for field, value in conditions.items() if field in rest},
        index=index,
    )


def _index(scope: Scope, filters: Filters) -> str:
    kind = _kind(scope, filters)
    name = "public" if scope.public else "project" if scope.user is None or kind == "request" else "own"
    return f"list_{name}_{kind}"


def _kind(scope: Scope, filters: Filters) -> str:
    """Name the kind of filter whose index leaves the fewest rows; the API filters public ones by state alone."""
    if filters.request_id is not None and not scope.public:
        return "request"
    if filters.metadata and not scope.public:
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
