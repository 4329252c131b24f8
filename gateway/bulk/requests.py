"""Bodies of bulk jobs."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from domain.case_number import CASE
from domain.errors import FieldError, invalid_field
from domain.faults import Faults
from domain.generation.list_query import parse_list_query
from domain.generation.listing import Filters
from events.erasure import StatedReason
from events.operation import BulkAction
from gateway.accounts.bodies import time_body
from gateway.bulk import answers
from gateway.http.parsing import Body
from gateway.http.values import Id
from gateway.submissions.submission import SeedChoice
from store.bulk.jobs import BulkJob


class BulkRequest(Body):
    """What to do, and to which generations of the project.

    filter: the parameters of a list by name, such as `status` and `metadata.<key>`, without pages; all conditions
    hold. is_public: for `publish`. seed: for `retry`. reason, case: for `delete`.
    """

    action: BulkAction
    filter: dict[str, str] = Field(default_factory=dict)
    user_id: Id | None = None
    is_public: bool | None = None
    seed: SeedChoice | None = None
    reason: StatedReason | None = None
    case: Annotated[str, Field(pattern=f"^{CASE.pattern}$")] | None = None

    @property
    def filter_names(self) -> tuple[str, ...]:
        """Name the conditions; the keys of metadata are the tenant's own texts."""
        names = {"metadata" if name.startswith("metadata.") else name for name in self.filter}
        return tuple(sorted(names | ({"user_id"} if self.user_id else set())))

    @property
    def conditions(self) -> dict[str, str | None]:
        """Return the conditions with their values, except those of metadata, which may be personal data."""
        own = {"user_id": self.user_id} if self.user_id else {}
        return {
            name: None if name == "metadata" else self.filter.get(name, own.get(name)) for name in self.filter_names
        }

    def filters(self) -> Filters:
        """Return the filter; raises a FieldError for each unknown condition and each wrong value."""
        faults = Faults()
        for name, value in self.filter.items():
            faults.check(_filters, {name: value})
        faults.refuse()
        return _filters(self.filter)

    def options(self) -> Mapping[str, Any]:
        """Return the options of the action; FieldError for one that is missing, or that it does not have."""
        given = {name: getattr(self, name) for name in ("is_public", "seed", "reason", "case")}
        known = _OPTIONS.get(self.action, ())
        for name, value in given.items():
            if value is not None and name not in known:
                raise invalid_field("body", name, f"is no option of {self.action}")
        if self.action == "delete" and self.reason is None:
            raise invalid_field("body", "reason", "field required", "value_error.missing")
        chosen = {name: given[name] for name in known if given[name] is not None}
        return {**_DEFAULTS.get(self.action, {}), **chosen}


_CONDITIONS = ("status", "state", "created_after", "created_before", "request_id")
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "publish": ("is_public",),
    "retry": ("seed",),
    "delete": ("reason", "case"),
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"publish": {"is_public": True}, "retry": {"seed": "new"}}


def _filters(conditions: Mapping[str, str]) -> Filters:
    for name in conditions:
        if name not in _CONDITIONS and not name.startswith("metadata."):
            message = f"is no condition: there are {', '.join(_CONDITIONS)}, metadata.<key>"
            raise invalid_field("body", f"filter.{name}", message)
    try:
        return parse_list_query(conditions.items()).filters
    except FieldError as error:
        raise invalid_field("body", f"filter.{error.loc[-1]}", error.msg) from None


def job_body(job: BulkJob) -> answers.BulkJob:
    return {
        "id": job.id,
        "action": job.action,
        "state": "canceling" if job.canceling else job.state,
        "filters": [*job.filters],
        "conditions": dict(job.conditions),
        "options": dict(job.options),
        "selected": job.selected,
        "done": job.done,
        "changed": job.changed,
        "unchanged": job.unchanged,
        "failed": job.failed,
        "failures": [*map(dict, job.failures)],
        "waiting_for": job.waiting_for,
        "event": job.event,
        "planned_at": time_body(job.planned_at),
        "started_at": time_body(job.started_at),
        "ended_at": time_body(job.ended_at),
    }
