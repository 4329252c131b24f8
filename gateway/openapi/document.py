"""The API as one OpenAPI 3.1 document, and the route that serves it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from domain.paths import OPENAPI
from gateway.console.files import StaticFile, file_of, file_response
from gateway.generations.links import Links
from gateway.http.conditional import UNCHANGED
from gateway.openapi.event_schemas import add_event_schemas, add_message_schemas
from gateway.openapi.examples import EXAMPLES
from gateway.openapi.headers import HEADERS
from gateway.openapi.operation import Operation, get
from gateway.openapi.operation_ids import operation_id
from gateway.openapi.parameters import parameters_of
from gateway.openapi.responses import Responses
from gateway.openapi.schemas import Schemas
from gateway.openapi.security import SCHEMES, security_of
from gateway.openapi.tags import TAGS, tag_of
from gateway.openapi.values import Free
from gateway.openapi.webhooks import webhooks

_DESCRIPTION: Final = """\
Send 1 to 5 pictures and an instruction, get a picture. Every step is an event that can be watched, pushed, replayed
and proven.

Credentials: log in for a token, and send it as `Authorization: Bearer ...`. A submission needs the four keys of its
project beside it, or one access key in place of all. Every error has a `code` of a closed list, which `/docs/errors`
explains.
"""


class OpenApiRoutes:
    """Serve the document, which is written for the first request."""

    def __init__(self, version: str, operations: Sequence[Operation], links: Links) -> None:
        self._version = version
        self._operations = operations
        self._server = links.public_url or "/"

    @get(OPENAPI, "public", answer=Free, also=UNCHANGED)
    async def read(self, request: web.Request) -> web.Response:
        """Read this document."""
        file = await asyncio.to_thread(lambda: self._file)
        return file_response(request, file, {"Cache-Control": "public, max-age=300"})

    @cached_property
    def _file(self) -> StaticFile:
        """Write the document, which takes a good part of a second."""
        text = json.dumps(document(self._version, self._operations, self._server), separators=(",", ":"))
        return file_of(text.encode(), "application/json")


def document(version: str, operations: Sequence[Operation], server: str = "/") -> dict[str, Any]:
    """Write the document; `version` is that of the service, `server` its address."""
    schemas = Schemas()
    add_event_schemas(schemas)
    add_message_schemas(schemas)
    responses, paths = Responses(schemas), dict[str, dict[str, Any]]()
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas, responses)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Exemplar",
            "version": version,
            "summary": "Image generation by example",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": server, "description": "This service"}],
        "tags": [{"name": name, "description": meaning} for name, meaning in TAGS.items()],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "securitySchemes": dict(SCHEMES),
            "schemas": dict(sorted(schemas.components.items())),
            "responses": responses.components,
            "headers": dict(HEADERS),
        },
    }


def _operation(operation: Operation, schemas: Schemas, responses: Responses) -> dict[str, Any]:
    name = operation_id(operation.method, operation.path)
    written: dict[str, Any] = {
        "operationId": name,
        "tags": [tag_of(operation.path)],
        "summary": operation.summary,
        "parameters": parameters_of(operation, schemas),
        "security": security_of(operation.caller),
        "responses": responses.of(operation),
    }
    if operation.description:
        written["description"] = operation.description
    if operation.body is not None:
        content = _content(operation.body, schemas)
        example = {"example": EXAMPLES[name.removesuffix("WithSlash")]}
        content = {kind: {**described, **example} for kind, described in content.items()}
        written["requestBody"] = {"required": not operation.optional_body, "content": content}
    return written


def _content(body: type[BaseModel] | Mapping[str, Any], schemas: Schemas) -> dict[str, Any]:
    if isinstance(body, Mapping):
        return {kind: {"schema": schema} for kind, schema in body.items()}
    return {"application/json": {"schema": schemas.of(body, "validation")}}
