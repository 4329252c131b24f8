"""What a submission asks for in its header."""

from datetime import timedelta

from aiohttp import web

from domain.errors import ErrorCode, FieldError
from domain.submission.cancel_after import read_cancel_after
from domain.submission.idempotency import parse_key


def idempotency_key(request: web.Request) -> str | None:
    """Read the Idempotency-Key, quoted or bare, 1 to 255 visible characters."""
    values = request.headers.getall("Idempotency-Key", [])
    if not values:
        return None
    return parse_key(values[0] if len(values) == 1 else "", ("header", "Idempotency-Key"))


def cancel_after(request: web.Request) -> timedelta | None:
    """Read Cancel-After: 5 seconds to 35 minutes, as `30`, `30s`, `5m` or `1h30m45s`."""
    values = request.headers.getall("Cancel-After", [])
    if not values:
        return None
    asked = read_cancel_after(values[0].strip()) if len(values) == 1 else None
    if asked is None:
        raise _refusal("Cancel-After", "must be a duration like 30, 30s, 5m or 5m30s, from 5s to 35m")
    return asked


def _refusal(header: str, msg: str) -> FieldError:
    return FieldError(ErrorCode.INVALID_REQUEST, ("header", header), msg, "value_error")
