"""The rules of outgoing webhooks: who gets what, when it is tried again, in which order, how it is signed.

Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from events.catalogue import CATALOGUE

SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what a secret begins with
OVERLAP: Final = timedelta(hours=24)
MOST_SECRETS: Final = 4  # that sign at once; each adds to the header of every attempt

# The words of `webhook_events_filter`; nothing chosen means the last.
FILTERS: Final = CATALOGUE.webhook_filters

# Pauses before each attempt, the first at once: ten over 75 hours.
PAUSES: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER: Final = 0.1
LONGEST_WAIT: Final = timedelta(hours=24)
_SLOW_MILLISECONDS: Final = 5000
_OVERTAKEN_AFTER: Final = 2
_GONE: Final = 410

State = Literal["pending", "delivered", "failed", "skipped"]
Left = Literal["project_deleted", "user_deleted"]
Ended = (
    Left
    | Literal["exhausted", "gone"]
    | Literal["endpoint_disabled", "endpoint_removed", "generation_deleted", "no_address", "no_event"]
)
"""Why nobody tries a delivery any more. After its attempts it is `failed`, without another `skipped`."""
Code = Literal[
    "status", "redirect", "gone", "timeout", "connection", "tls", "dns", "forbidden", "protocol", "secret"
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt: an HTTP status, or a code that says why there is none."""

    status: int | None
    error: Code | None
    milliseconds: int
    body: str = ""
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def slow(self) -> bool:
        """Tell whether the receiver let us wait so long that it would hold up others."""
        return self.error == "timeout" or self.milliseconds >= _SLOW_MILLISECONDS

    @property
    def code(self) -> Code:
        """Name the fault of an attempt that was not accepted."""
        if self.status == _GONE:
            return "gone"
        if self.status is not None:
            return "redirect" if 300 <= self.status < 400 else "status"
        return self.error or "protocol"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery stands in the line of its generation at one endpoint."""

    version: int
    final: bool
    failures: int
    due_at: datetime


def types_of(filters: Iterable[str]) -> frozenset[str]:
    """Name the event types of a request's filter; unknown words choose nothing."""
    chosen = [FILTERS[word] for word in filters if word in FILTERS]
    return frozenset[str]().union(*chosen) if chosen else FILTERS["completed"]


def delivery_id(endpoint: str, event_id: str) -> str:
    """Name a delivery, and the message that it sends: the same for ever for (endpoint, event)."""
    return f"msg_{hashlib.sha256(f'{endpoint}/{event_id}'.encode()).hexdigest()[:32]}"


def next_attempt(
    failures: int, now: datetime, *, jitter: float, retry_after: timedelta | None, scale: float = 1.0
) -> datetime | None:
    """Tell when to try again after so many failures; None when all attempts are made.

    `jitter` lies in -1..1 and moves the pause by up to a tenth; a receiver's Retry-After prolongs it.
    """
    if failures >= len(PAUSES):
        return None
    pause = PAUSES[failures] * (1 + JITTER * jitter)
    wanted = min(retry_after or timedelta(0), LONGEST_WAIT)
    return now + max(pause, wanted) * scale


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or a date (RFC 9110, 10.2.3); None for anything else."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), int(LONGEST_WAIT.total_seconds())))
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(date - now, timedelta(0))


def waits_until(delivery: Place, earlier: Collection[Place]) -> datetime | None:
    """Tell until when a delivery lets earlier, unfinished ones of its generation go first; None: not at all.

    A final event overtakes what has failed twice, and with it what stands behind that: it waits for it.
    """
    before = [place for place in earlier if place.version < delivery.version]
    if delivery.final:
        stuck = [place.version for place in before if place.failures >= _OVERTAKEN_AFTER]
        first = min(stuck, default=delivery.version)
        before = [place for place in before if place.version < first]
    return min((place.due_at for place in before), default=None)


def is_due_to_disable(failing_since: datetime | None, now: datetime, disable_after: timedelta) -> bool:
    """Tell whether an endpoint has failed for so long that nobody listens any more."""
    return failing_since is not None and now - failing_since >= disable_after


def new_secret(randomness: bytes) -> str:
    """Write a signing secret out of 24 to 64 random bytes."""
    return SECRET_PREFIX + base64.b64encode(randomness).decode()


def headers_of(
    message: str, *, body: bytes, secrets: Sequence[str], version: int, now: datetime
) -> dict[str, str]:
    """Write the headers of one attempt; during a rotation every living secret signs."""
    timestamp = str(int(now.timestamp()))
    signatures = [_signature(secret, message, timestamp, body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Exemplar-Webhooks/1.0",
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
        "webhook-sequence": str(version),
    }


def _signature(secret: str, message: str, timestamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
