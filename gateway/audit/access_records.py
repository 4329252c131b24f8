"""Record what staff read of the log, before they read it."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from aiohttp import web

from domain.audit.event_filter import Bounds, EventFilter
from events.access import AccessForm, LogRead
from events.envelope import format_time
from gateway.audit.reader import AuditReader
from gateway.http.request_ids import cause_of
from store.audit.access_streams import AccessStreams


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRecords:
    """Append the accesses of staff; developers read their own."""

    access_streams: AccessStreams
    audit_key: bytes = field(repr=False)

    async def record(
        self,
        request: web.Request,
        reader: AuditReader,
        form: AccessForm,
        wanted: EventFilter,
        *,
        owner: Mapping[str, str],
        bounds: Bounds | None = None,
    ) -> None:
        """Record an access; another page of the same walk adds nothing. Raises the store's errors."""
        if reader.developer is not None:
            return
        bounds, grant = bounds or Bounds(), reader.personal_data
        access = LogRead(
            form=form,
            developer=owner.get("developer"),
            project=owner.get("project"),
            user=owner.get("user"),
            generation=wanted.generation,
            event_type=wanted.type,
            recorded_from=bounds.recorded_from,
            recorded_before=bounds.recorded_before,
            filters=wanted.names,
            query=self._hash(wanted, bounds),
            grant=None if grant is None else grant.id,
            reason=None if grant is None else grant.reason,
        )
        await self.access_streams.record(reader.name, access, cause=cause_of(request, reader.actor))

    def _hash(self, wanted: EventFilter, bounds: Bounds) -> str:
        """Hash a query without its position under a key: its values may be guessed."""
        moments = [moment and format_time(moment) for moment in (bounds.recorded_from, bounds.recorded_before)]
        text = json.dumps([asdict(wanted), *moments], sort_keys=True)
        return hmac.digest(self.audit_key, text.encode(), "sha256").hex()[:32]
