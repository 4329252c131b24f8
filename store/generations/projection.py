"""One row per generation: what lists, usage and the scheduler ask.

A pure function of the fold and of the client's metadata, which lie beside the log: of these only hashes that
filters look for, and none once the generation is erased.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.generation.generation import Generation, state_of
from domain.generation.lifecycle import Timeouts, due_at
from domain.generation.listing import labels_of
from domain.generation.timings import microusd_of
from store.generations.personal_data import PersonalDataStore


@dataclass(frozen=True, slots=True)
class Row:
    """A generation as a table knows it; free of words.

    `shown` is the state that clients see; `labels` are salted hashes of metadata.
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
    shown: str = ""
    request_id: str | None = None
    labels: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Write the row with `_id` for its id."""
        fields = asdict(self)
        return {"_id": fields.pop("id"), **fields, "labels": list(self.labels)}


async def rows_of(
    generations: Sequence[Generation], personal_data: PersonalDataStore, timeouts: Timeouts
) -> list[Row]:
    """Write generations down as their rows, with what their words have for filters."""
    named = [(one.id, one.request.personal_data) for one in generations if not one.erased]
    said = await personal_data.metadata(named) if named else {}
    return [row_of(one, timeouts, said.get(one.id, {})) for one in generations]


def row_of(g: Generation, timeouts: Timeouts, metadata: Mapping[str, Any]) -> Row:
    """Write a generation down as its row; of an erased one no metadata is left."""
    owner = g.request.owner
    return Row(
        id=g.id,
        version=g.version,
        developer=owner.developer,
        project=owner.project,
        user=owner.user,
        state=g.state.value,
        status=g.status,
        period=g.request.period,
        created_at=g.created_at,
        updated_at=g.updated_at,
        finished_at=g.finished_at,
        due_at=due_at(g, timeouts),
        start_by=g.request.start_by,
        finish_by=g.request.finish_by,
        claim_until=g.claim_until,
        attempt=g.attempt,
        prediction=g.prediction,
        quota=g.quota,
        cost_microusd=microusd_of(g),
        failure=g.failure.code if g.failure else None,
        is_public=g.is_public,
        erased=g.erased,
        cancel_requested=g.cancel_requested,
        shown=state_of(g),
        request_id=g.request_id,
        labels=() if g.erased else labels_of(owner.project, metadata),
    )


class Projection(Protocol):
    """Rows, each written only over an older version of itself."""

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows; concurrent calls share round trips."""
        ...

    async def versions(self, ids: Sequence[str]) -> dict[str, int]:
        """Map those of `ids` that have a row to its version."""
        ...

    async def due(
        self, now: datetime, *, states: Sequence[str], after: str, limit: int, canceling: bool = False
    ) -> Sequence[Row]:
        """List rows in one of `states` whose time to be looked at has come, by id, behind the id `after`.

        By id and not by age: rows that stay due for long must not hide the others from a caller that goes
        round. With `canceling` only those that their owner wants to end.
        """
        ...

    async def expired(self, now: datetime, *, limit: int) -> Sequence[Row]:
        """List unfinished rows past one of their deadlines."""
        ...
