"""`/api/v1/event-types`: the catalogue of events, with their JSON Schemas at addresses of their own."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.event_types import filters_of, subscribers_of
from domain.paths import EVENT_TYPE, EVENT_TYPES, LOG_SCHEMA, PUBLIC_SCHEMA
from domain.webhooks.delivery import EXAMPLE_ID
from events import public_schemas, schemas
from events.catalogue import CATALOGUE
from events.envelope import Cause, RecordedEvent, visible
from events.event_type import EventType
from gateway.events.answers import DescribedEventType, EventTypes
from gateway.http.conditional import UNCHANGED, unchanged
from gateway.openapi.operation import get
from gateway.openapi.values import Free

_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_STREAMS: Final = {"control": "controls", "platform": "platform"}
_SCHEMA_TYPE: Final = "application/schema+json"
_RENEWED: Final = "public, max-age=300"
_IMMUTABLE: Final = "public, max-age=31536000, immutable"


class _Written(NamedTuple):
    body: bytes
    etag: str


class EventTypeRoutes:
    """Serve the catalogue, which is written once, when it is first read."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}

    @get(EVENT_TYPES, "public", answer=EventTypes, also=UNCHANGED)
    async def list_all(self, request: web.Request) -> web.Response:
        """List the event types: who may subscribe, a JSON Schema and a sample of each."""
        body: EventTypes = {"event_types": list(self._types.values())}
        return self._response(request, body)

    @get(EVENT_TYPE, "public", answer=DescribedEventType, also=UNCHANGED)
    async def read(self, request: web.Request) -> web.Response:
        """Read an event type."""
        return self._response(request, self._types.get(request.match_info["event_type"]))

    @get(PUBLIC_SCHEMA, "public", answer={_SCHEMA_TYPE: Free}, also=UNCHANGED)
    async def read_schema(self, request: web.Request) -> web.Response:
        """Read a revision of the JSON Schema of what subscribers get; it never changes."""
        revisions = self._public.get(request.match_info["event_type"], {})
        named = {str(number): schema for number, schema in revisions.items()}
        schema = named.get(request.match_info["revision"])
        return self._response(request, schema, content_type=_SCHEMA_TYPE, cache=_IMMUTABLE)

    @get(LOG_SCHEMA, "public", answer={_SCHEMA_TYPE: Free}, also=UNCHANGED)
    async def read_log_schema(self, request: web.Request) -> web.Response:
        """Read the JSON Schema of the data that the log stores; it only gains optional members."""
        name, version = request.match_info["event_type"], request.match_info["revision"]
        return self._response(request, self._log.get(f"{name}.v{version}.json"), content_type=_SCHEMA_TYPE)

    def _response(
        self, request: web.Request, body: object, *, content_type: str = "application/json", cache: str = _RENEWED
    ) -> web.Response:
        """Answer what the path names, which is serialised once; `not_found` without a body."""
        if body is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        if (written := self._written.get(request.path)) is None:
            written = self._written[request.path] = _write(body)
        headers = {"Cache-Control": cache, "ETag": written.etag}
        if unchanged(request, written.etag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=written.body, content_type=content_type, charset="utf-8", headers=headers)

    @cached_property
    def _types(self) -> dict[str, DescribedEventType]:
        return {row.name: _event_type(row, self._public.get(row.name, {})) for row in CATALOGUE.rows}

    @cached_property
    def _public(self) -> Mapping[str, Mapping[int, dict[str, Any]]]:
        return public_schemas.published()

    @cached_property
    def _log(self) -> dict[str, Any]:
        return {name: json.loads(text) for name, text in schemas.schema_files().items()}


def _event_type(row: EventType, revisions: Mapping[int, dict[str, Any]]) -> DescribedEventType:
    """Describe an event type; `schema` is of the sample for subscribers, of its `data` for types of the log alone."""
    log_schema = LOG_SCHEMA.format(event_type=row.name, revision=row.schema_version)
    newest = max(revisions, default=None)
    public = newest and PUBLIC_SCHEMA.format(event_type=row.name, revision=newest)
    return {
        "name": row.name,
        "description": inspect.getdoc(row.cls) or "",
        "final": row.final,
        "subscribers": subscribers_of(row),
        "webhook_filters": filters_of(row),
        "schema_url": public or log_schema,
        "log_schema_url": log_schema,
        "schema": revisions[newest] if newest else json.loads(schemas.schema_of(row.cls)),
        "sample": _sample(row),
    }


def _sample(row: EventType) -> dict[str, Any]:
    """Write a sample as a subscriber gets it, or as the log holds it."""
    context = row.name.partition(".")[0]
    stream = _STREAMS.get(context, f"{context}-{EXAMPLE_ID}")
    event = RecordedEvent(stream, 1, _TIME, row.sample, Cause(actor="actor:example"))
    return visible(event) or event.to_cloudevent()


def _write(body: object) -> _Written:
    text = json.dumps(body, ensure_ascii=False).encode()
    return _Written(text, f'"{hashlib.sha256(text).hexdigest()[:32]}"')
