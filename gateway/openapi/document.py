"""The API as one OpenAPI 3.1 document, and the route that serves it."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from domain.errors import ErrorCode
from domain.paths import API
from gateway.openapi.error_codes import codes_by_status
from gateway.openapi.operation import ERRORS, Caller, Operation, get
from gateway.openapi.schemas import ANSWERS

_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "access_key": {"type": "http", "scheme": "bearer", "description": "An access key of the user: `ek_...`"},
    "role": {"type": "apiKey", "in": "header", "name": "X-User-Role"},
    "developer_key": {"type": "apiKey", "in": "header", "name": "X-Developer-Key"},
    "project": {"type": "apiKey", "in": "header", "name": "X-Project-ID"},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "operator_key": {"type": "apiKey", "in": "header", "name": "X-Operator-Key"},
    "ticket": {"type": "apiKey", "in": "query", "name": "ticket"},
    "link": {"type": "apiKey", "in": "query", "name": "signature"},
}
# Alternatives of credentials; the members of one alternative are sent together.
_CREDENTIALS: Final[Mapping[Caller, tuple[tuple[str, ...], ...]]] = {
    "public": (),
    "account": (("token",),),
    "account_reader": (("token",), ("access_key",)),
    "end_user": (("token",), ("access_key",)),
    "developer": (("token",),),
    "submission": (("access_key",), ("token", "role", "developer_key", "project", "api_key")),
    "operator": (("operator_key",), ("token",)),
    "auditor": (("operator_key",), ("token",)),
    "reader": (("operator_key",), ("token",)),
    "eraser": (("operator_key",), ("token",)),
    "holder": (("operator_key",), ("token",), ("access_key",)),
    "program": (("developer_key", "project", "api_key"), ("operator_key",)),
    "ticket": (("token",), ("access_key",), ("ticket",)),
    "link": (("link",), ("token",), ("access_key",), ()),  # public pictures need no credentials
}
_NAMED: Final = re.compile(r"\{(\w+)\}")


class OpenApiRoutes:
    """Serve the document, which is written once, when it is first read."""

    def __init__(self, version: str, operations: Sequence[Operation]) -> None:
        self._version, self._operations = version, operations

    @get("/openapi.json", "public")
    async def read(self, _: web.Request) -> web.Response:
        """Read this document."""
        headers = {"Cache-Control": "public, max-age=300"}
        return web.Response(text=self._document, content_type="application/json", headers=headers)

    @cached_property
    def _document(self) -> str:
        return json.dumps(document(self._version, self._operations))


def document(version: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """Write the document; `version` is that of the service."""
    schemas: dict[str, Any] = dict(ANSWERS)
    refusals = Refusals()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas, refusals)
    return {
        "openapi": "3.1.0",
        "info": {"title": "exemplar", "version": version, "summary": "Image generation by example"},
        "paths": paths,
        "components": {"securitySchemes": dict(_SCHEMES), "schemas": schemas, "responses": refusals.responses},
    }


def _operation(operation: Operation, schemas: dict[str, Any], refusals: "Refusals") -> dict[str, Any]:
    written: dict[str, Any] = {
        "operationId": _id_of(operation),
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "security": [{name: [] for name in group} for group in _CREDENTIALS[operation.caller]],
        "responses": _responses(operation, refusals),
    }
    if operation.body is not None:
        content = _content(operation.body, schemas)
        written["requestBody"] = {"required": not operation.optional_body, "content": content}
    return written


def _id_of(operation: Operation) -> str:
    path = operation.path
    path = path.removeprefix(API) if path.startswith(API) else f"service{path}"
    name = re.sub(r"\W+", "_", path).strip("_")
    slash = "_slash" if operation.path.endswith("/") and operation.path != "/" else ""
    return f"{operation.method}_{name}{slash}"


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _NAMED.findall(operation.path)
    ]
    headers = [{"name": name, "in": "header", "schema": {"type": "string"}} for name in operation.headers]
    return [*in_path, *_query(operation), *headers]


def _query(operation: Operation) -> list[dict[str, Any]]:
    if isinstance(operation.query, type):
        fields = operation.query.model_json_schema()["properties"]
    else:
        fields = {name: {"type": "string"} for name in operation.query}
    return [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]


def _content(body: type[BaseModel] | Mapping[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if isinstance(body, Mapping):
        return {kind: {"schema": schema} for kind, schema in body.items()}
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {})
    schemas[body.__name__] = schema
    return _json(body.__name__)


def _responses(operation: Operation, refusals: "Refusals") -> dict[str, Any]:
    answered: dict[str, Any] = {"description": "Done"}
    if operation.status != 204:
        answer = operation.answer
        answered["content"] = _json(answer) if isinstance(answer, str) else _content_of(answer)
    also = {str(status): _also(operation, status) for status in operation.also}
    error = {"description": "Refused", "content": _content_of(operation.errors)}
    refused = refusals.of(operation) if operation.errors is ERRORS else _in_foreign_form(operation)
    return {str(operation.status): answered, **also, **refused, "default": error}


def _also(operation: Operation, status: int) -> dict[str, Any]:
    """Describe a further answer."""
    name = operation.also_answers.get(status)
    content = {} if name is None else {"content": _json(name)}
    return {"description": operation.also[status], **content}


def _in_foreign_form(operation: Operation) -> dict[str, Any]:
    """Describe the refusals of an operation whose errors have the form of another API, by status."""
    content = _content_of(operation.errors)
    described: dict[str, list[str]] = {}
    for status, codes in codes_by_status(operation).items():
        described.setdefault(str(operation.error_statuses.get(status, status)), []).extend(codes)
    return {
        status: {"description": ", ".join(dict.fromkeys(codes)), "content": content}
        for status, codes in described.items()
        if int(status) not in operation.also
    }


class Refusals:
    """The refusals of all operations: those of one status with the same codes are described once."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {}
        self._names: dict[tuple[int, tuple[ErrorCode, ...]], str] = {}

    def of(self, operation: Operation) -> dict[str, Any]:
        """Describe the refusals of an operation by status, but those that it describes itself."""
        grouped = codes_by_status(operation).items()
        names = {str(status): self._name(status, tuple(codes)) for status, codes in grouped}
        own = {str(status) for status in operation.also}
        return {
            status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items() if status not in own
        }

    def _name(self, status: int, codes: tuple[ErrorCode, ...]) -> str:
        if (status, codes) not in self._names:
            name = f"Error{status}.{sum(one == status for one, _ in self._names) + 1}"
            self._names[status, codes] = name
            self.responses[name] = _refused(codes)
        return self._names[status, codes]


def _refused(codes: Sequence[ErrorCode]) -> dict[str, Any]:
    """Describe the refusals of one status: an error with one of these codes."""
    one_of = {"properties": {"code": {"enum": [code.value for code in codes]}}}
    content = {
        kind: {"schema": {"allOf": [{"$ref": f"#/components/schemas/{name}"}, one_of]}} for kind, name in ERRORS.items()
    }
    return {"description": ", ".join(codes), "content": content}


def _content_of(kinds: Mapping[str, str]) -> dict[str, Any]:
    """Describe an answer in one of several media types."""
    return {kind: _json(name)["application/json"] if name else {} for kind, name in kinds.items()}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
