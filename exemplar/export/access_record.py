"""Record an export before anything is read for it: it carries events, and perhaps pictures, out of the system."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.audit.terms import OWNERS, owner_among, term
from domain.generation.generation import stream_of
from events.access import LogRead
from events.envelope import Cause
from exemplar.export.request import ExportRequest
from store.audit.access_streams import AccessStreams
from store.audit.audit_log import AuditLog
from store.audit.proofs import NothingToProveError

_OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecords:
    """Append exports to the stream of accesses by whoever has the operator's machine or key."""

    audit_log: AuditLog
    access_streams: AccessStreams

    async def record(self, request: ExportRequest) -> None:
        """Record an export; raises NothingToProveError for a generation or project that the log does not have."""
        owner = await self._owner(request)
        access = LogRead(
            form="export",
            developer=owner.get("developer"),
            project=owner.get("project"),
            user=owner.get("user"),
            generation=request.generation,
            event_type=None,
            recorded_from=None,
            recorded_before=None,
            filters=request.filter.names,
            query="",
            grant=None,
            reason=None,
            pictures=True if request.with_pictures else None,
        )
        await self.access_streams.record(_OPERATOR, access, cause=Cause(actor=_OPERATOR))

    async def _owner(self, request: ExportRequest) -> Mapping[str, str]:
        """Find the ids that the accesses of an owner are found by, as far as the request reaches."""
        if request.is_whole:
            return {}
        if request.generation is not None:
            name, known = f"generation {request.generation}", [*OWNERS]
            terms = await self.audit_log.terms_of_first(term("correlation_id", stream_of(request.generation)))
        else:
            name, known = f"project {request.project}", [*OWNERS[:2]]
            terms = await self.audit_log.terms_of_first(term("project", request.project or ""))
        if not terms:
            raise NothingToProveError(f"the log has no {name}")
        return {kind: value for kind, value in owner_among(terms).items() if kind in known}
