"""What the routes of bulk jobs answer."""

from collections.abc import Mapping, Sequence
from typing import Literal

from typing_extensions import TypedDict

from events.operation import BulkAction
from gateway.openapi.values import Free, Time, Uuid
from store.bulk.jobs import BulkState


class BulkJob(TypedDict):
    """A job on many generations and how far it is; `waiting_for`: the error code for which it rests.

    conditions: the values of the filter, null for those of metadata, which may be personal data. selected: how many
    generations; done: how many of them were tried. failures: the first hundred, with error codes.
    """

    id: Uuid
    action: BulkAction
    state: BulkState | Literal["canceling"]
    filters: Sequence[str]
    conditions: Mapping[str, str | None]
    options: Free
    selected: int
    done: int
    changed: int
    unchanged: int
    failed: int
    failures: Sequence[Mapping[str, str]]
    waiting_for: str | None
    event: str | None
    planned_at: Time | None
    started_at: Time | None
    ended_at: Time | None


class BulkPlan(BulkJob):
    """A plan with some of the generations that it selects."""

    sample: Sequence[Uuid]


class BulkJobs(TypedDict):
    """The newest bulk jobs of a project."""

    jobs: Sequence[BulkJob]
