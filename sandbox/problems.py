"""Replicate's error responses in application/problem+json, and the middleware that sends them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler


@dataclass(frozen=True, slots=True)
class InvalidField:
    """One thing wrong with a request body; `name` is empty for the body itself."""

    kind: str
    name: str
    description: str

    def line(self) -> str:
        return f"- {self.name}: {self.description}\n" if self.name else f"- {self.description}\n"


@dataclass(slots=True, eq=False)
class ProblemError(Exception):
    """An answer other than success; raise it anywhere below a route."""

    status: int
    detail: str
    title: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        body: dict[str, Any] = {"detail": self.detail, "status": self.status}
        if self.title is not None:
            body["title"] = self.title
        return web.Response(
            status=self.status,
            text=json.dumps(body | dict(self.extra)),
            content_type="application/problem+json",
            headers=self.headers,
        )


_CREDIT: Final = (
    "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to "
    "purchase credit. Once you purchase credit, please wait a few minutes before trying again."
)


def unauthenticated() -> ProblemError:
    return ProblemError(401, "You did not pass a valid authentication token", "Unauthenticated")


def insufficient_credit() -> ProblemError:
    return ProblemError(402, _CREDIT, "Insufficient credit")


def not_found(what: str) -> ProblemError:
    return ProblemError(404, what)


def throttled(retry_after: int) -> ProblemError:
    """Refuse for `retry_after` seconds, with the text for an account with little credit."""
    detail = (
        "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests per minute "
        "with a burst of 1 requests while you have less than $5.0 in credit. "
        f"Your rate limit resets in ~{retry_after}s."
    )
    reset = {"ratelimit-remaining": "0", "ratelimit-reset": str(retry_after)}
    return ProblemError(429, detail, extra={"retry_after": retry_after}, headers=reset)


def invalid_version() -> ProblemError:
    detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
    return ProblemError(422, detail, "Invalid version or not permitted")


def invalid_input(fields: Iterable[InvalidField]) -> ProblemError:
    listed = list(fields)
    invalid = [{"type": f.kind, "field": f.name, "description": f.description} for f in listed]
    detail = "".join(f.line() for f in listed)
    return ProblemError(422, detail, "Input validation failed", {"invalid_fields": invalid})


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn a ProblemError, and aiohttp's own refusals, into problem+json."""
    try:
        return await handler(request)
    except ProblemError as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return ProblemError(error.status, error.reason).response()
