"""The answers about a point and about the difference of two, as JSON."""

from typing import Any

from domain.audit.differences import Difference
from domain.audit.points import Reached
from domain.audit.subjects import View
from events.envelope import format_time


def as_of_body(kind: str, name: str, reached: Reached, view: View | None) -> dict[str, Any]:
    """Write a view with the point that it shows."""
    return {"kind": kind, "id": name, "as_of": _point(reached), "state": view}


def difference_body(kind: str, name: str, since: Reached, until: Reached, difference: Difference) -> dict[str, Any]:
    """Write what differs between two points with the causing events."""
    return {
        "kind": kind,
        "id": name,
        "since": _point(since),
        "as_of": _point(until),
        "changes": difference.changes,
        "events": difference.causes,
        "more": difference.more,
    }


def _point(reached: Reached) -> dict[str, Any]:
    """Write where a point is; the quota has no version of its own."""
    version = {} if reached.version is None else {"version": reached.version}
    recorded_at = reached.recorded_at and format_time(reached.recorded_at)
    return {**version, "position": reached.position, "recorded_at": recorded_at}
