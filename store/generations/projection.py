"""The row of each generation, for lists, usage and the scheduler.

A row is a pure function of the fold and of the client's metadata. Metadata are personal data: a row holds
only the hashes that filters look for, and none once the generation is erased.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from domain.generation.forecast import slot_since
from domain.generation.generation import Generation, state_of
from domain.generation.lifecycle import Timeouts, due_at
from domain.generation.listing import labels_of
from domain.generation.timings import is_uncharged, microusd_of
from store.generations.personal_data import ClientTexts, PersonalDataStore

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Before every time of a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A generation without personal data; `shown` is the state that clients see, `labels` hash metadata.

    `unresolved_since` is when the last of its attempts was given up whose prediction is not known. `slot_at` is when it
    got its slot, of one that was queued, or when it ended without one; not stored where it is None.
    """

    id: str
    version: int
    developer: str
    project: str
    user: str
    state: str
    status: str
    period: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    start_by: datetime
    finish_by: datetime
    claim_until: datetime | None
    attempt: int
    prediction: str | None
    quota: str
    cost_microusd: int | None
    failure: str | None
    is_public: bool
    erased: bool
    cancel_requested: bool
    unresolved_since: datetime | None = None
    uncharged: bool = False
    shown: str = ""
    request_id: str | None = None
    labels: tuple[str, ...] = ()
    slot_at: datetime | None = None

    def as_document(self) -> dict[str, Any]:
        """Write the row with `_id` for its id."""
        fields = {field.name: getattr(self, field.name) for field in dataclass_fields(self)}
        if self.slot_at is None:  # so that rows from before the field existed are the same
            del fields["slot_at"]
        return {"_id": fields.pop("id"), **fields, "labels": list(self.labels)}


_OF_THE_FOLD = (
    *("id", "version", "status", "created_at", "updated_at", "finished_at", "claim_until", "attempt"),
    *("prediction", "quota", "is_public", "erased", "cancel_requested", "request_id"),
)


_CHANGES_AFTER = timedelta(hours=1)  # its end; personal data are kept for a day at least


async def rows_of(generations: Sequence[Generation], personal_data: PersonalDataStore, timeouts: Timeouts) -> list[Row]:
    """Make the rows of generations, with the hashes of their metadata.

    Metadata of those that change long after their end may have been deleted, and are read anew.
    """
    texts = dict[str, ClientTexts]()
    for anew in (False, True):
        names = [(g.id, g.request.personal_data) for g in generations if not g.erased and _is_long_over(g) is anew]
        texts |= await personal_data.texts(names, anew=anew) if names else {}
    metadata = {name: written.metadata for name, written in texts.items()}
    return [row_of(one, timeouts, metadata.get(one.id, {})) for one in generations]


def _is_long_over(g: Generation) -> bool:
    return g.finished_at is not None and g.updated_at - g.finished_at > _CHANGES_AFTER


def row_of(g: Generation, timeouts: Timeouts, metadata: Mapping[str, Any]) -> Row:
    """Make the row of a generation; the metadata of an erased one are ignored."""
    owner = g.request.owner
    return Row(
        **{name: getattr(g, name) for name in _OF_THE_FOLD},
        developer=owner.developer,
        project=owner.project,
        user=owner.user,
        state=g.state.value,
        period=g.request.period,
        due_at=due_at(g, timeouts),
        start_by=g.request.start_by,
        finish_by=g.request.finish_by,
        cost_microusd=microusd_of(g),
        failure=g.failure.code if g.failure else None,
        uncharged=is_uncharged(g),
        unresolved_since=max((sent.given_up_at for sent in g.unresolved if sent.given_up_at), default=None),
        shown=state_of(g),
        slot_at=slot_since(g) if g.request.queued else None,
        labels=() if g.erased else labels_of(owner.project, metadata),
    )


class Projection(Protocol):
    """The stored rows, each replaced only by a newer version of itself."""

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows; concurrent calls share round trips."""

    async def write_soon(self, rows: Sequence[Row]) -> None:
        """Write rows, those of a tenth of a second together; a lost server may lose them.

        The subscriber, which compares what a majority has, writes those again.
        """

    async def versions(self, ids: Sequence[str]) -> dict[str, int]:
        """Map those of `ids` that have a row to its version."""

    async def is_due(self, now: datetime) -> bool:
        """Tell whether the `due_at` of any row has come."""

    async def due_at(self, states: Sequence[str], rank: int) -> datetime | None:
        """Return the `due_at` of a row in `states`: rank 1 has the latest; None when there are fewer rows."""

    async def due(
        self,
        until: Mapping[str, datetime],
        *,
        after: str,
        limit: int,
        canceling: bool = False,
        since: datetime = ALWAYS,
    ) -> Sequence[Row]:
        """List rows whose `due_at` is after `since`, up to that of their state in `until`, by id, behind `after`.

        By id and not by age, so that rows that stay due hide no others from a caller that pages through all.
        With `canceling` only rows whose cancellation was requested.
        """

    async def unresolved(self, since: datetime, *, limit: int, after: str = "") -> Sequence[Row]:
        """List rows with attempts without an outcome, of which the last was given up after `since`.

        By id, behind the id `after`.
        """

    async def uncharged(self, developer: str, period: str) -> int:
        """Count the runs of a developer's month that cost no unit although the provider is paid."""

    async def finished_before(self, moment: datetime, ids: Sequence[str]) -> Sequence[str]:
        """Choose the generations that ended before a moment."""

    async def delete_labels(self, ids: Sequence[str]) -> None:
        """Delete the hashes of metadata that filters look for; repeatable."""

    async def expired(self, now: datetime, *, limit: int, excluding: Collection[str] = ()) -> Sequence[Row]:
        """List unfinished rows past one of their deadlines."""
