"""Queries, bodies and answers about failed work."""

from typing import Annotated

from pydantic import BaseModel, Field

from domain.case_number import CASE
from domain.errors import ErrorCode, FieldError
from events.envelope import format_time
from events.operation import DiscardReason
from gateway.accounts.bodies import time_body
from gateway.http.parsing import Body
from gateway.http.values import Number
from gateway.operations.answers import FailedEntry
from store.failed.actions import PAGE, Discarding, Selection
from store.failed.failed_work import FailedWork

EntryId = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
Handler = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]


class FailedWorkRequest(BaseModel):
    """A page of entries by id; `handler`: of one subscriber or queue alone."""

    handler: Handler | None = None
    discarded: bool = False
    after: EntryId | None = None
    limit: Annotated[Number, Field(ge=1, le=PAGE)] = 50


class SelectionRequest(Body):
    """Which entries: `ids`, the `first` so many, or `all`; the last two of one `handler` or of all."""

    ids: Annotated[list[EntryId], Field(min_length=1, max_length=PAGE)] | None = None
    first: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    all: bool = False
    handler: Handler | None = None

    def selection(self) -> Selection:
        """Return the selection; FieldError unless exactly one is named."""
        if (self.ids is not None) + (self.first is not None) + self.all != 1:
            message = "name one of: ids, first, all"
            raise FieldError(ErrorCode.INVALID_REQUEST, ("body", "ids"), message, "value_error")
        return Selection(self.ids, self.handler, self.first)


class DiscardRequest(SelectionRequest):
    """Which entries are given up, and why."""

    reason: DiscardReason
    case: Annotated[str, Field(pattern=f"^{CASE.pattern}$")] | None = None

    def discarding(self) -> Discarding:
        return Discarding(self.reason, self.case)


def entry_body(entry: FailedWork) -> FailedEntry:
    return {
        "id": entry.id,
        "handler": entry.handler,
        "commit": entry.commit,
        "error": entry.error,
        "tries": entry.tries,
        "since": format_time(entry.since),
        "last_at": time_body(entry.last_at),
        "next_try_at": time_body(entry.next_try_at),
        "request_id": entry.request_id,
        "discarded": entry.discarded,
    }
