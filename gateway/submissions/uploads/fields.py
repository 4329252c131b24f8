"""Validate the text fields of a submission; `None` is a field that was not sent."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from domain.errors import ErrorCode, FieldError
from domain.submission.instructions import instructions_length
from domain.submission.metadata import metadata_refusal, metadata_too_long, parse_metadata
from gateway.http.texts import UndecodableTextError, decode_text, shown
from gateway.submissions.uploads.parts import TEXT_FIELDS, RawText

MAX_FILTERS: Final = 16


def decode_instructions(sent: RawText | None, unknown: Sequence[str]) -> str:
    """Return the text of the required field `instructions`."""
    loc = ("body", "instructions")
    if sent is None:
        msg = missing_message(unknown, "send one field instructions with a JSON object")
        raise FieldError(ErrorCode.MISSING_INSTRUCTIONS, loc, msg, "value_error.missing")
    if len(sent.raw) > TEXT_FIELDS["instructions"]:
        raise instructions_length()
    try:
        return decode_text(*sent)
    except UndecodableTextError as error:
        msg = f"Invalid JSON format: {error}"
        raise FieldError(ErrorCode.INSTRUCTIONS_JSON, loc, msg, "value_error.json") from error


def missing_message(unknown: Sequence[str], wanted: str) -> str:
    """Say that a field is missing and, where others came instead, which and what is wanted."""
    came = ", ".join(map(shown, unknown))
    return f"field required; there came {came}; {wanted}" if came else "field required"


def read_metadata(sent: RawText | None) -> dict[str, object] | None:
    if sent is None or not sent.raw:
        return None
    if len(sent.raw) > TEXT_FIELDS["metadata"]:
        raise metadata_too_long()
    try:
        return parse_metadata(decode_text(*sent))
    except UndecodableTextError as error:
        raise metadata_refusal(f"Invalid JSON format: {error}", "value_error.json") from error


def read_webhook(sent: RawText | None) -> str | None:
    """Return the absolute http(s) URL of `webhook`; whether its address is public is checked on delivery."""
    if sent is None or not sent.raw:
        return None
    refusal = FieldError(
        ErrorCode.INVALID_WEBHOOK, ("body", "webhook"), "invalid or unsupported URL", "value_error.url"
    )
    try:
        url = decode_text(*sent)
        parts = urlsplit(url)
        legal = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise refusal from error
    fits = url.isascii() and url.isprintable() and len(sent.raw) <= TEXT_FIELDS["webhook"]
    if not legal or parts.username is not None or not fits:
        raise refusal
    return url


def read_webhook_filter(sent: Sequence[RawText]) -> tuple[str, ...]:
    """Return the event names of all fields `webhook_events_filter`, at most 16."""
    if not sent:
        return ()
    refusal = FieldError(
        ErrorCode.INVALID_WEBHOOK, ("body", "webhook_events_filter"), "invalid event name", "value_error"
    )
    try:
        names = tuple(filter(None, (decode_text(*one) for one in sent)))
    except UndecodableTextError as error:
        raise refusal from error
    legal = all(len(one.raw) <= TEXT_FIELDS["webhook_events_filter"] for one in sent)
    if not legal or len(names) > MAX_FILTERS or not all(name.isascii() and name.isprintable() for name in names):
        raise refusal
    return names
