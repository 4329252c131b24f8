"""What the errors of the client mean for the user of a command."""

from exemplar.client_commands.exit_code import CommandFailedError, ExitCode
from exemplar_client import (
    ApiError,
    AuthenticationError,
    ClientError,
    ConnectionFailedError,
    LimitExceededError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    UnfinishedError,
)

_DOCTOR = "`exemplar doctor` finds what is wrong"


def failure_of(error: ClientError, url: str) -> CommandFailedError:
    """Say what happened at this service, and what to do."""
    match error:
        case ConnectionFailedError():
            return CommandFailedError(f"no answer from {url}: is it running? {_DOCTOR}", ExitCode.UNAVAILABLE)
        case UnfinishedError():
            return CommandFailedError(str(error), ExitCode.UNFINISHED)
        case ServiceError():
            return CommandFailedError(f"{url} failed: {_said(error)}. {_DOCTOR}", ExitCode.UNAVAILABLE)
        case AuthenticationError():
            remedy = "`exemplar login` saves other credentials"
            return CommandFailedError(f"{url} does not accept the credentials: {_said(error)}. {remedy}", _REFUSED)
        case LimitExceededError():
            return CommandFailedError(f"{_said(error)}{_again(error)}", _REFUSED)
        case PermissionDeniedError():
            remedy = "`exemplar login` saves credentials that may do it"
            return CommandFailedError(f"{_said(error)}. {remedy}", _REFUSED)
        case NotFoundError():
            return CommandFailedError(f"{_said(error)}. `exemplar list` shows what there is", _REFUSED)
        case ApiError():
            return CommandFailedError(_said(error), _REFUSED)
        case _:
            return CommandFailedError(str(error), ExitCode.UNAVAILABLE)


_REFUSED = ExitCode.REFUSED


def _said(error: ApiError) -> str:
    """Write the detail as one line; a list of faulty fields names each."""
    request = f", request {error.request_id}" if error.request_id else ""
    told = "; ".join(filter(None, map(_picture, error.errors))) or _detail(error.detail)
    return f"{told} ({error.code or error.status}{request})"


def _picture(fault: object) -> str:
    """Name the picture of a fault as people count; nothing for a fault of something else."""
    match fault:
        case {"loc": ["body", "example_images", int(index)], "msg": message}:
            return f"picture {index + 1}: {message}"
    return ""


def _detail(detail: object) -> str:
    if not isinstance(detail, list):
        return str(detail).rstrip(".")
    return "; ".join(_field(fault) for fault in detail)


def _field(fault: object) -> str:
    if not isinstance(fault, dict):
        return str(fault)
    name = ".".join(str(part) for part in fault.get("loc", ()) if part not in ("body", "query"))
    return f"{name}: {fault.get('msg', '')}" if name else str(fault.get("msg", ""))


def _again(error: ApiError) -> str:
    return "" if error.retry_after is None else f". Try again in {error.retry_after:.0f} s"
