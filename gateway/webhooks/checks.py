"""Validation of webhook URLs and event types in requests."""

from collections.abc import Collection, Sequence
from typing import Final, NoReturn

from domain.errors import ErrorCode, FieldError
from domain.webhooks.addresses import ForbiddenAddressError, destination_of
from domain.webhooks.delivery import FILTERS
from events.catalogue import CATALOGUE

EVENT_TYPES: Final = tuple(sorted(CATALOGUE.deliverable))


def check_url(url: str, allow: Collection[str], *, field: str) -> str:
    """Refuse a URL that is never allowed; what a name resolves to is checked when the socket is made."""
    try:
        return destination_of(url, allow).url
    except ForbiddenAddressError as error:
        loc, msg = ("body", field), f"URL not allowed: {error}"
        raise FieldError(ErrorCode.INVALID_WEBHOOK, loc, msg, "value_error.url") from None


def check_request(webhook: str | None, filters: Sequence[str], allow: Collection[str]) -> None:
    """Check the webhook of one generation request."""
    if webhook is not None:
        check_url(webhook, allow, field="webhook")
    if not FILTERS.keys() >= set(filters):
        _refuse("webhook_events_filter", FILTERS)


def event_types(chosen: Sequence[str] | None) -> tuple[str, ...]:
    """Return the event types of an endpoint: all when the field is absent or `*` is among them."""
    if chosen is None or "*" in chosen:
        return EVENT_TYPES
    if not set(EVENT_TYPES) >= set(chosen):
        _refuse("event_types", EVENT_TYPES)
    return tuple(dict.fromkeys(chosen))


def one_event_type(chosen: str) -> str:
    """Return the event type of an example."""
    if chosen not in EVENT_TYPES:
        _refuse("type", EVENT_TYPES)
    return chosen


def _refuse(field: str, known: Collection[str]) -> NoReturn:
    msg = f"must be of: {', '.join(known)}"
    raise FieldError(ErrorCode.INVALID_WEBHOOK, ("body", field), msg, "value_error.enum")
