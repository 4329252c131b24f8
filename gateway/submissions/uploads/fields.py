"""Validate the text fields of a submission; `None` is a field that was not sent."""

from typing import Final
from urllib.parse import urlsplit

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.submission.metadata import metadata_refusal, parse_metadata
from gateway.submissions.uploads.parts import TEXT_FIELDS

MAX_FILTERS: Final = 16


def decode_instructions(raw: bytes | None) -> str:
    """Return the text of the required field `instructions`."""
    loc = ("body", "instructions")
    if raw is None:
        raise FieldError(ErrorCode.MISSING_INSTRUCTIONS, loc, "field required", "value_error.missing")
    if len(raw) > TEXT_FIELDS["instructions"]:
        raise ExemplarError(ErrorCode.INSTRUCTIONS_LENGTH)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FieldError(ErrorCode.INSTRUCTIONS_JSON, loc, "Invalid JSON format", "value_error.json") from error


def read_metadata(raw: bytes | None) -> dict[str, object] | None:
    if not raw:
        return None
    try:
        return parse_metadata(raw.decode())
    except UnicodeDecodeError as error:
        raise metadata_refusal("Invalid JSON format", "value_error.json") from error


def read_webhook(raw: bytes | None) -> str | None:
    """Return the absolute http(s) URL of `webhook`; whether its address is public is checked on delivery."""
    if not raw:
        return None
    refusal = FieldError(
        ErrorCode.INVALID_WEBHOOK, ("body", "webhook"), "invalid or unsupported URL", "value_error.url"
    )
    try:
        url = raw.decode("ascii")
        parts = urlsplit(url)
        legal = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise refusal from error
    if not legal or parts.username is not None or len(raw) > TEXT_FIELDS["webhook"] or not url.isprintable():
        raise refusal
    return url


def read_webhook_filter(raw: list[bytes]) -> tuple[str, ...]:
    """Return the event names of all fields `webhook_events_filter`, at most 16."""
    legal = all(len(name) <= TEXT_FIELDS["webhook_events_filter"] and name.isascii() for name in raw)
    names = tuple(name.decode("ascii", "replace") for name in raw if name)
    if not legal or len(names) > MAX_FILTERS or not all(name.isprintable() for name in names):
        loc = ("body", "webhook_events_filter")
        raise FieldError(ErrorCode.INVALID_WEBHOOK, loc, "invalid event name", "value_error")
    return names
