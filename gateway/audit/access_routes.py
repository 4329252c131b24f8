"""`/api/v1/audit/accesses`: users and developers see which staff read what is theirs of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from domain.accounts.access import Role
from domain.audit.terms import EVERYTHING, OWNERS, READ, READ_WITHIN, term
from domain.errors import ErrorCode, ExemplarError
from domain.paths import AUDIT_ACCESSES
from events.access import LogRead
from events.envelope import RecordedEvent, format_time
from gateway.accounts.bodies import time_body
from gateway.audit.answers import LogAccess, LogAccesses
from gateway.audit.requests import AccessesRequest
from gateway.auth.authentication import Authenticator
from gateway.http.parsing import read_query
from gateway.openapi.operation import get
from store.audit.audit_entries import AuditEntry
from store.audit.audit_log import AuditLog

_CODES: Final = (ErrorCode.UNKNOWN_POSITION,)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRoutes:
    authenticator: Authenticator
    audit_log: AuditLog

    @get(AUDIT_ACCESSES, "account_reader", query=AccessesRequest, answer=LogAccesses, codes=_CODES)
    async def list_accesses(self, request: web.Request) -> web.Response:
        """List which staff may have read your events, newest first."""
        terms, query = await self._terms(request), read_query(request, AccessesRequest)
        behind = await self.audit_log.head() + 1
        before = query.before or behind
        if before > behind:
            raise ExemplarError(ErrorCode.UNKNOWN_POSITION)
        found = await self.audit_log.with_any(terms, before=before, limit=query.limit)
        body: LogAccesses = {
            "accesses": [_body(entry, event) for entry in found for event in _events_of(entry, terms)],
            "next_before": found[-1].position if len(found) == query.limit else None,
        }
        return web.json_response(body, headers={"Cache-Control": "private, no-cache"})

    async def _terms(self, request: web.Request) -> Sequence[str]:
        """Name the accesses that cover the caller: of all, of one that they belong to, or of their own."""
        claims = await self.authenticator.claims(request)
        if claims.role is not Role.END_USER:
            developer = await self.authenticator.authenticate_developer(request)
            return [term(READ, EVERYTHING), term(READ_WITHIN, developer.developer_id)]
        user = await self.authenticator.authenticate_end_user(request)
        own = zip(OWNERS, (user.developer_id, user.project_id, user.user_id), strict=True)
        return [term(READ, EVERYTHING), *(term(READ, f"{name}:{value}") for name, value in own)]


def _events_of(entry: AuditEntry, terms: Sequence[str]) -> Sequence[RecordedEvent]:
    """List the accesses of a commit, if its events have one of the terms; none of a damaged one."""
    return entry.commit.events if entry.commit is not None and not {*terms}.isdisjoint(entry.terms) else ()


def _body(entry: AuditEntry, recorded: RecordedEvent) -> LogAccess:
    """Write an access; a user learns of others no more than that they belong to the same project."""
    event = cast("LogRead", recorded.event)
    scope = next((name for name in reversed(OWNERS) if getattr(event, name) is not None), EVERYTHING)
    return {
        "position": entry.position,
        "occurred_at": format_time(recorded.time),
        "reader": recorded.cause.actor,
        "form": event.form,
        "scope": scope,
        "generation": event.generation,
        "event_type": event.event_type,
        "recorded_from": time_body(event.recorded_from),
        "recorded_before": time_body(event.recorded_before),
        "filters": event.filters,
        "personal_data": event.grant is not None,
        "reason": event.reason,
        "pictures": event.pictures is True,
    }
