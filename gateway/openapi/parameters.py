"""The parameters of operations: in the path, in the query, and as headers."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from domain.generation.generation import Status
from domain.generation.listing import SHOWN_STATES
from gateway.openapi.operation import Operation
from gateway.openapi.schemas import Schema, Schemas

_NAMED: Final = re.compile(r"\{(\w+)\}")
_TEXT: Final[Schema] = {"type": "string"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_DURATION: Final[Schema] = {"type": "string", "pattern": r"^(\d+|(\d+h)?(\d+m)?(\d+s)?)$"}
_KEY: Final[Schema] = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}


def _whole(low: int, high: int | None = None) -> Schema:
    return {"type": "integer", "minimum": low} | ({} if high is None else {"maximum": high})


_PATH: Final[Mapping[str, tuple[Schema, str]]] = {
    "number": (_whole(0, 99), "The number of a picture, from 0"),
    "consumer": ({"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"}, "The name of a consumer"),
    "provider": (_TEXT, "The name of the image model's provider"),
    "event_type": (_TEXT, "The name of an event type, such as `generation.completed`"),
    "revision": (_whole(1), "The revision of a schema, from 1"),
    "delivery_id": (_TEXT, "The id of a delivery, which is that of its message"),
    "entry": (_TEXT, "The id of an entry"),
    "endpoint_id": (_TEXT, "The id of a webhook endpoint; `default` for webhooks that single requests name"),
    "model": (_TEXT, "The name of a model"),
    "path": (_TEXT, "The path of a file"),
}
_SUBJECTS: Final[Mapping[str, str]] = {
    "api_key_id": "an API key of the project",
    "key_id": "a developer key",
    "access_key_id": "an access key",
    "job_id": "a bulk job",
}
# Parameters of queries that no model reads; those of a model have its types.
_QUERY: Final[Mapping[str, Schema]] = {
    "status": {"type": "string", "enum": list(get_args(Status))},
    "state": {"type": "string", "enum": list(SHOWN_STATES)},
    "created_after": _TIME,
    "created_before": _TIME,
    "request_id": {"type": "string", "pattern": r"^[\x21-\x7e]{1,128}$"},
    "idempotency_key": _KEY,
    "page": _whole(1, 100_000),
    "per_page": _whole(1, 100),
    "cursor": _TEXT,
    "limit": _whole(1),
    "user_id": _UUID,
    "wait": _whole(1, 60),
    "after": _TEXT,
    "ticket": _TEXT,
    "include": {"type": "string", "enum": ["webhooks"]},
    "from": {"type": "string", "format": "date"},
    "to": {"type": "string", "format": "date"},
    "by": {"type": "string", "pattern": "^(project|user|day|month|key)(,(project|user|day|month|key))*$"},
    "format": {"type": "string", "enum": ["json", "csv"]},
    "expires": _TEXT,
    "receipt": {"type": "string", "enum": ["embedded", "c2pa"]},
}
_MEANINGS: Final[Mapping[str, str]] = {
    "status": "Only those with this status",
    "state": "Only those in this state",
    "created_after": "Only those that were created after this time",
    "created_before": "Only those that were created before this time",
    "request_id": "Only what this request led to",
    "idempotency_key": "Only the generation that was submitted with this Idempotency-Key",
    "page": "The number of the page, from 1",
    "per_page": "How many entries a page has at most",
    "page_size": "How many entries a page has at most",
    "cursor": "Where to continue: the cursor of the page before",
    "limit": "How many entries, or commits of the log, the page has at most",
    "user_id": "Only what belongs to this end user",
    "project_id": "Only what belongs to this project",
    "generation_id": "Only what belongs to this generation",
    "wait": "Seconds to wait for something new",
    "after": "The position behind which to continue; `0` is the beginning",
    "before": "The position, id or time before which to continue",
    "ticket": "A ticket in place of a token",
    "include": "Further events: `webhooks` adds what endpoints do",
    "from": "The first day, in UTC; an earlier checkpoint's size for a proof of consistency",
    "to": "The last day, in UTC; a later checkpoint's size for a proof of consistency",
    "by": "Dimensions of the groups, between commas",
    "format": "The media type of the answer",
    "expires": "When a signed link ends, in Unix seconds",
    "receipt": "The receipt inside the picture: as metadata, or as a C2PA manifest",
    "search": "Only those whose e-mail address or name has this text",
    "is_active": "Only those that are active, or only the others",
    "dry_run": "Decide and answer as usual, but record, send and hold nothing",
    "since": "The time, or the point in the log, from which on to look",
    "as_of": "The point in the log that is shown: a version, a position or a time; without it now",
    "recorded_from": "Only what was recorded at this time or later",
    "recorded_before": "Only what was recorded before this time",
    "order": "The order of the log",
    "consumer": "The consumer whose position continues",
    "type": "Only events of this type",
    "actor": "Only events that this actor caused",
    "correlation_id": "Only events of the chain that began in this stream",
    "personal_data": "Whether to show personal data, which needs a grant except for one's own",
    "number": "The number of a picture, from 0",
    "event": "The id of an event: `stream:version`",
    "size": "The size of a checkpoint; without it the latest",
    "handler": "Only of this subscriber or queue",
    "discarded": "Those that were discarded",
}
_HEADERS: Final[Mapping[str, tuple[Schema, str]]] = {
    "Idempotency-Key": (_KEY, "A text of your own; a request that is sent again with it is recorded once"),
    "Cancel-After": (_DURATION, "How long the generation may take, from 5 seconds to 35 minutes: `90`, `5m`"),
    "X-Start-Timeout": (_DURATION, "How long the generation may wait for its start"),
    "Prefer": (_TEXT, "`wait=n` waits up to 60 seconds for the end; `queue` waits for a slot where none is free"),
    "If-None-Match": (_TEXT, "The ETag of the version that you have; 304 if there is no newer one"),
    "Last-Event-ID": (_TEXT, "The position behind which to continue, as a reconnecting client sends it"),
    "Range": (_TEXT, "The part of the picture that you want: `bytes=0-1023`; any other range gets the whole"),
    "X-Project-ID": (_UUID, "The project"),
    "X-Stainless-Read-Timeout": (_TEXT, "How many seconds the client waits, as OpenAI's clients say it"),
    "X-Stainless-Timeout": (_TEXT, "How many seconds the client waits, as OpenAI's clients say it"),
}


def parameters_of(operation: Operation, schemas: Schemas) -> list[dict[str, Any]]:
    """Describe all parameters of an operation."""
    in_path = (_in_path(name) for name in _NAMED.findall(operation.path))
    conditional = ("If-None-Match",) if 304 in operation.also else ()
    headers = (_header(name) for name in dict.fromkeys((*operation.headers, *conditional)))
    return [*in_path, *_query(operation, schemas), *headers]


def _in_path(name: str) -> dict[str, Any]:
    schema, meaning = _PATH.get(name) or (_UUID, f"The id of {_subject(name)}")
    return {"name": name, "in": "path", "required": True, "description": meaning, "schema": schema}


def _subject(name: str) -> str:
    noun = name.removesuffix("_id")
    return _SUBJECTS.get(name) or f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _header(name: str) -> dict[str, Any]:
    schema, meaning = _HEADERS[name]
    return {"name": name, "in": "header", "description": meaning, "schema": schema}


def _query(operation: Operation, schemas: Schemas) -> Iterator[dict[str, Any]]:
    if isinstance(operation.query, type):
        yield from _of_model(operation.query, schemas)
        return
    for name in operation.query:
        yield {"name": name, "in": "query", "description": _MEANINGS[name], "schema": _QUERY[name]}


def _of_model(model: type[BaseModel], schemas: Schemas) -> Iterator[dict[str, Any]]:
    written = schemas.fields_of(model)
    for name, schema in written["properties"].items():
        required = {"required": True} if name in written.get("required", ()) else {}
        yield {"name": name, "in": "query", **required, "description": _MEANINGS[name], "schema": schema}
