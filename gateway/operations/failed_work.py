"""`/api/v1/operations/parked` and `/dead-letters`: what failed, for operators, who replay or discard it."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.operations import handlers_of
from domain.paths import DEAD_LETTER, DEAD_LETTERS, PARKED, PARKED_EVENT
from events.operation import FailedSource
from gateway.auth.authentication import Authenticator
from gateway.http.parsing import read_model, read_query
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import get, post
from gateway.operations import answers
from gateway.operations.bodies import DiscardRequest, FailedWorkRequest, SelectionRequest, entry_body
from store.commits.contract import EventStore
from store.commits.unreadable import UNREADABLE
from store.failed.actions import FailedWorkActions

_NO_STORE: Final = {"Cache-Control": "no-store"}
_list = partial(get, caller="operator", query=FailedWorkRequest, answer=answers.FailedWork)
_show = partial(get, caller="operator", answer=answers.ShownFailedEntry)
_replay = partial(post, caller="operator", status=202, body=SelectionRequest, answer=answers.ChosenWork)
_discard = partial(post, caller="operator", body=DiscardRequest, answer=answers.ChosenWork)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWorkRoutes:
    """Show failed work, have it tried again, or give it up."""

    authenticator: Authenticator
    failed_work_actions: FailedWorkActions
    events: EventStore

    @_list(PARKED, summary="List parked events")
    @_list(DEAD_LETTERS, summary="List dead letters")
    async def list_all(self, request: web.Request) -> web.Response:
        await self.authenticator.authenticate_operator(request)
        query, store = read_query(request, FailedWorkRequest), self.failed_work_actions.store(_source(request))
        _require_handler(request, query.handler, "query")
        found = await store.page(limit=query.limit, after=query.after, handler=query.handler, discarded=query.discarded)
        next_after = found[-1].id if len(found) == query.limit else None
        body: answers.FailedWork = {"entries": [*map(entry_body, found)], "next_after": next_after}
        return web.json_response(body, headers=_NO_STORE)

    @_show(PARKED_EVENT, summary="Show a parked event")
    @_show(DEAD_LETTER, summary="Show a dead letter")
    async def show(self, request: web.Request) -> web.Response:
        """Show an entry with its events; a damaged commit has none."""
        await self.authenticator.authenticate_operator(request)
        found = await self.failed_work_actions.store(_source(request)).get(request.match_info["entry"])
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        events, later = await self._events(found.commit)
        body: answers.ShownFailedEntry = {**entry_body(found), "events": events, "later": later}
        return web.json_response(body, headers=_NO_STORE)

    @_replay(f"{PARKED}/replay", summary="Have parked events tried again")
    @_replay(f"{DEAD_LETTERS}/replay", summary="Have actors called again for dead letters")
    async def replay(self, request: web.Request) -> web.Response:
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        selection = (await read_model(request, SelectionRequest)).selection()
        _require_handler(request, selection.handler, "body")
        chosen = await self.failed_work_actions.replay(_source(request), selection, cause=cause)
        body: answers.ChosenWork = {"count": len(chosen)}
        return web.json_response(body, status=202, headers=_NO_STORE)

    @_discard(f"{PARKED}/discard", summary="Discard parked events")
    @_discard(f"{DEAD_LETTERS}/discard", summary="Discard dead letters")
    async def discard(self, request: web.Request) -> web.Response:
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        body = await read_model(request, DiscardRequest)
        _require_handler(request, body.handler, "body")
        chosen = await self.failed_work_actions.discard(
            _source(request), body.selection(), body.discarding(), cause=cause
        )
        count: answers.ChosenWork = {"count": len(chosen)}
        return web.json_response(count, headers=_NO_STORE)

    async def _events(self, name: str) -> tuple[list[dict[str, Any]], list[str]]:
        """Read the commit in which the event `name` is, and what happened in its stream since."""
        stream, _, version = name.rpartition(":")
        try:
            commits = await self.events.read(stream, after=int(version) - 1)
        except UNREADABLE:
            return [], []
        events = [event for commit in commits[:1] for event in commit.events]
        later = [event.type for commit in commits[1:] for event in commit.events]
        return [event.to_cloudevent() for event in events], later


def _source(request: web.Request) -> FailedSource:
    return "parked" if request.path.startswith(PARKED) else "dead_letter"


def _require_handler(request: web.Request, handler: str | None, where: str) -> None:
    """Refuse the name of a handler that there is not: nothing would ever be found."""
    known = handlers_of(_source(request))
    if handler is not None and handler not in known:
        raise invalid_field(where, "handler", f"must be one of {', '.join(known)}")
