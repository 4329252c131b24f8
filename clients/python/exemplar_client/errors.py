"""The errors of the client, all of them ClientErrors; an error response is an ApiError."""

from collections.abc import Mapping
from typing import Any

import httpx


class ClientError(Exception):
    """Base of all errors of this client."""


class ApiError(ClientError):
    """An error response of the service.

    `code` is one of the closed list in the service's documentation, `detail` a sentence or a list of fields, `errors`
    every fault of a submission with its place (`loc`), code and sentence (`msg`), `retry_after` the seconds of
    Retry-After. `generation_id` is set where it is unknown whether a submission was recorded.
    """

    def __init__(self, status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        self.detail = body.get("detail", "")
        errors = body.get("errors")
        self.errors: list[Any] = errors if isinstance(errors, list) else []
        self.request_id = str(body.get("request_id") or headers.get("X-Request-ID", ""))
        self.retry_after = seconds_of(headers.get("Retry-After"))
        self.generation_id = str(body["id"]) if "id" in body else None
        super().__init__(f"{status} {self.code}: {self.detail} (request {self.request_id})")


class AuthenticationError(ApiError):
    """401: the credentials are wrong or expired."""


class PermissionDeniedError(ApiError):
    """403: role, project or keys do not match."""


class NotFoundError(ApiError):
    """404: the id is unknown or another user's; 410: it was deleted."""


class InvalidRequestError(ApiError):
    """400, 405, 408, 409, 413, 415, 422: the request is not valid."""


class LimitExceededError(ApiError):
    """429: a limit is reached; `retry_after` says for how long."""


class ServiceError(ApiError):
    """5xx: the service failed, after every attempt."""


class ConnectionFailedError(ClientError):
    """No response arrived, after every attempt."""


class UnfinishedError(ClientError):
    """A generation has not finished in the time that was given; it continues."""


class UnknownPositionError(ClientError):
    """The position to go on from belongs to no event of this stream."""


class DamagedPictureError(ClientError):
    """A downloaded picture does not match the SHA-256 of the resource."""


_OF_STATUS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    410: NotFoundError,
    429: LimitExceededError,
}


def error_of(response: httpx.Response) -> ApiError:
    """Make the exception for an error response, of the service or of a proxy; its body must be read."""
    kind = _OF_STATUS.get(response.status_code)
    if kind is None:
        kind = ServiceError if response.status_code >= 500 else InvalidRequestError
    return kind(response.status_code, _body(response), response.headers)


def seconds_of(retry_after: str | None) -> float | None:
    """Read a Retry-After in seconds; None for a date, which the service never sends."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() else None


def _body(response: httpx.Response) -> Mapping[str, object]:
    try:
        body = response.json()
    except ValueError:
        return {"detail": response.text[:200]}
    return body if isinstance(body, dict) else {"detail": body}
