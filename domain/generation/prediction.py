"""A prediction as the provider reports it, parsed leniently: fields may be missing and values unknown."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

from pydantic_core import from_json

from domain.errors import FailureCode
from events.invocation import Outcome

_OUTCOMES: Mapping[str, Outcome] = {outcome: outcome for outcome in get_args(Outcome)}
# An id becomes part of a URL and the name of a stored field.
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MOST_SECONDS = 10**9
_PERCENT = re.compile(r"(\d{1,3})%\|")


@dataclass(frozen=True, slots=True)
class Prediction:
    """A prediction from a list, a fetch or a callback; `outcome`: None while it runs.

    input: as large as its picture, so it is kept only of a prediction without a callback address, which nothing else
    tells apart.
    """

    id: str
    status: str
    outcome: Outcome | None
    model: str = ""
    outputs: tuple[str, ...] = ()
    error: str | None = None
    percent: int | None = None
    predict_seconds: float | None = None
    total_seconds: float | None = None
    created_at: datetime | None = None
    webhook: str | None = None
    input: Mapping[str, Any] = field(default_factory=dict)


def parse_answer(content: bytes) -> object:
    """Parse the JSON of an answer or a callback, most of which is the input; raises ValueError and RecursionError."""
    try:
        return from_json(content)
    except ValueError:  # half of a surrogate pair in the logs of a model, or what is no JSON at all
        return json.loads(content)


def read_prediction(body: object) -> Prediction | None:
    """Parse a prediction's JSON body; None when it is no object with an id."""
    if not isinstance(body, Mapping) or not _ID.fullmatch(_text(body.get("id")) or ""):
        return None
    metrics, webhook = _mapping(body.get("metrics")), _text(body.get("webhook"))
    status = _text(body.get("status")) or ""
    return Prediction(
        id=body["id"],
        status=status,
        outcome=_OUTCOMES.get(status),
        model=_text(body.get("version")) or _text(body.get("model")) or "",
        outputs=_outputs(body.get("output")),
        error=_text(body.get("error")),
        percent=_percent(_text(body.get("logs")) or ""),
        predict_seconds=_seconds(metrics.get("predict_time")),
        total_seconds=_seconds(metrics.get("total_time")),
        created_at=_moment(_text(body.get("created_at"))),
        webhook=webhook,
        input=_mapping(body.get("input")) if webhook is None else {},
    )


def gone_prediction(prediction: str) -> Prediction:
    """Make a failed prediction in place of one that the provider does not know any more."""
    error = "the provider does not know this prediction any more"
    return Prediction(prediction, "failed", "failed", error=error)


def failure_of(prediction: Prediction) -> FailureCode | None:
    """Return why a finished prediction has no picture; None when it has one."""
    if prediction.outcome == "succeeded":
        return None if prediction.outputs else FailureCode.CONTENT_FLAGGED
    if prediction.outcome in ("canceled", "aborted"):
        return FailureCode.PROVIDER_CANCELED
    flagged = "nsfw" in (prediction.error or "").lower()
    return FailureCode.CONTENT_FLAGGED if flagged else FailureCode.PROVIDER_FAILED


def _outputs(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := _text(item)) is not None)


def _percent(logs: str) -> int | None:
    found = _PERCENT.findall(logs)
    return min(100, int(found[-1])) if found else None


def _text(value: object) -> str | None:
    """Return a text that can be stored and sent: half of a surrogate pair is replaced."""
    return value.encode(errors="replace").decode() if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _seconds(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < _MOST_SECONDS else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
