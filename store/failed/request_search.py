from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from pymongo import IndexModel

from domain.audit.terms import term
from domain.generation.generation import id_of, is_generation
from events.envelope import RecordedEvent
from store.audit.audit_log import AuditLog
from store.failed.dead_letters import DeadLetters
from store.failed.failed_work import FailedWork
from store.failed.parked_work import ParkedWork
from store.mongo.connection import Database, Indexes, reachable

MOST: Final = 500


@dataclass(frozen=True, slots=True)
class RequestTraces:
    """What a request led to: events with their positions, deliveries, and failed work; each at most 500."""

    events: Sequence[tuple[int, RecordedEvent]]
    deliveries: Sequence[dict[str, Any]]
    parked: Sequence[FailedWork]
    dead_letters: Sequence[FailedWork]

    @property
    def generations(self) -> Sequence[str]:
        """List the generations whose events the request caused."""
        return sorted({id_of(event.stream) for _, event in self.events if is_generation(event.stream)})


class RequestSearch:
    """Find everything that names a request, or belongs to a generation that it created."""

    indexes: ClassVar[Indexes] = {"webhook_deliveries": [IndexModel("generation")]}

    def __init__(
        self, database: Database, audit_log: AuditLog, parked_work: ParkedWork, dead_letters: DeadLetters
    ) -> None:
        self._deliveries = database["webhook_deliveries"]
        self._audit_log = audit_log
        self._parked = parked_work
        self._dead_letters = dead_letters

    async def find(self, request_id: str) -> RequestTraces:
        """Search the sealed log, deliveries, parked events and dead letters."""
        before = await self._audit_log.head() + 1
        entries = await self._audit_log.with_any([term("request_id", request_id)], before=before, limit=MOST)
        events = [(entry.position, event) for entry in entries if entry.commit for event in entry.commit.events]
        streams = sorted({event.stream for _, event in events})
        with reachable():
            found = await self._deliveries.find(
                {"generation": {"$in": [id_of(stream) for stream in streams if is_generation(stream)]}},
                {"endpoint": 1, "generation": 1, "version": 1, "state": 1, "created_at": 1},
            ).to_list(MOST)
        return RequestTraces(
            sorted(events, key=lambda one: (one[0], one[1].version)),
            found,
            await self._parked.of_streams(streams, limit=MOST),
            await self._dead_letters.of_request(request_id, limit=MOST),
        )
