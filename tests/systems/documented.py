"""Holds the answers of a gateway in this process against its OpenAPI document."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import jsonschema_rs
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.openapi.document import document
from gateway.openapi.operation import Operation
from gateway.routes import OPERATIONS

PROBLEMS: Final[list[str]] = []
"""What is wrong with the answers since a test began; the fixture `documented_answers` fails it."""

_URI: Final = "https://documented.invalid/"
_JSON: Final = frozenset({"application/json", "application/problem+json", "application/schema+json"})
_HEADERS: Final = frozenset({
    "Content-Disposition", "Content-Range", "ETag", "Idempotency-Replayed", "Location", "Preference-Applied",
    "Retry-After", "WWW-Authenticate", "X-Should-Retry",
})  # fmt: skip


def documented(app: web.Application) -> web.Application:
    """Have every answer of an application checked, also those of its middlewares."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        PROBLEMS.extend(problems_of(request, response))
        return response

    app.middlewares.insert(0, check)
    return app


def problems_of(request: web.Request, response: web.StreamResponse) -> Iterator[str]:
    """List what the document does not say of an answer; a request without a route has none."""
    resource = request.match_info.route.resource
    path, method = resource.canonical if resource else "", request.method.lower()
    declared = _responses().get((path, "get" if method == "head" else method))
    if declared is None:
        return
    called = f"{method} {path} {response.status}"
    described = declared.get(str(response.status))
    if described is None:
        yield f"{called} is not documented"
        return
    unknown = {name for name in _HEADERS & {*response.headers} if name not in described.get("headers", {})}
    yield from (f"{called}: header {name} is not documented" for name in sorted(unknown))
    if method != "head" and isinstance(response, web.Response) and response.body:
        yield from _problems_of_body(called, path, method, response)


def _problems_of_body(called: str, path: str, method: str, response: web.Response) -> Iterator[str]:
    content = _responses()[path, method][str(response.status)].get("content", {})
    kind = response.content_type
    if kind not in content and f"{kind.partition('/')[0]}/*" not in content:
        yield f"{called}: {kind} is not documented"
    elif kind in _JSON and isinstance(response.body, bytes) and "Content-Encoding" not in response.headers:
        validator = _validator(path, method, response.status, kind)
        for error in validator.iter_errors(json.loads(response.body)):
            yield f"{called}: {'/'.join(map(str, error.instance_path))}: {error.message[:300]}"


def problems_of_request(operation: Operation, body: Any) -> Iterator[str]:
    """List what the document does not allow in the body of a request."""
    for content in _document()["paths"][operation.path][operation.method]["requestBody"]["content"].values():
        yield from (error.message for error in _compiled(content["schema"]).iter_errors(body))


@cache
def _document() -> Any:
    """Write the document, with every named object closed: nothing is answered that it does not name."""
    written = document("0", OPERATIONS)
    for name, schema in written["components"]["schemas"].items():
        if "properties" in schema and not name.endswith("Event"):
            schema.setdefault("additionalProperties", False)
    return written


@cache
def _responses() -> dict[tuple[str, str], dict[str, Any]]:
    """Map paths and methods to the answers by status, without references to shared refusals."""
    shared = _document()["components"]["responses"]
    return {
        (path, method): {
            status: shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            for status, answer in operation["responses"].items()
        }
        for path, methods in _document()["paths"].items()
        for method, operation in methods.items()
    }


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(_URI, {"components": {"schemas": _document()["components"]["schemas"]}})])


@cache
def _validator(path: str, method: str, status: int, kind: str) -> Any:
    return _compiled(_responses()[path, method][str(status)]["content"][kind].get("schema", {}))


def _compiled(schema: Any) -> Any:
    outside = json.loads(json.dumps(schema).replace('"#/components/', f'"{_URI}#/components/'))
    return jsonschema_rs.Draft202012Validator(outside, registry=_registry(), validate_formats=True)
