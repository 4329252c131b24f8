"""The controls in force as one document, so that a read is one look-up by id."""

from collections.abc import Mapping
from typing import Any, Final

from domain.controls.controls import Control, Controls, Target
from store.mongo.connection import Document

COLLECTION: Final = "controls"
CURRENT: Final = "current"


def document_of(controls: Controls) -> Document:
    """Write the controls in force, in the order of their targets."""
    ordered = sorted(controls.by_name.values(), key=lambda one: (one.kind, one.target.subject or ""))
    return {"_id": CURRENT, "version": controls.version, "controls": [*map(_written, ordered)]}


def controls_in(document: Document | None) -> Controls:
    """Read what `document_of` wrote; without a document nothing was ever controlled."""
    if document is None:
        return Controls()
    controls = map(_read, document["controls"])
    return Controls(document["version"], {one.target.name: one for one in controls})


def _written(control: Control) -> Document:
    return {
        "kind": control.kind,
        "subject": control.target.subject,
        "developer": control.developer,
        "submissions": control.submissions,
        "reason": control.reason,
        "case": control.case,
        "since": control.since,
        "expected_end": control.expected_end,
        "limit": control.limit,
    }


def _read(stored: Mapping[str, Any]) -> Control:
    fields = dict(stored)
    target = Target(fields.pop("kind"), fields.pop("subject"))
    return Control(target=target, **fields)
