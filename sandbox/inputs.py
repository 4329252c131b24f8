"""The input that stability-ai/sdxl accepts, and the texts with which Replicate refuses the rest.

The table follows the model's published schema (version 39ed52f2) with the two fields of later versions; the
descriptions are those of gojsonschema, which Replicate uses.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sandbox.problems import InvalidField

EVENTS: Final = ("start", "output", "logs", "completed")
DEFAULT_EVENTS: Final = frozenset({"output", "completed"})


@dataclass(frozen=True, slots=True)
class Field:
    """One input: its JSON type, default, inclusive range or choices; `format` is 'uri' for pictures."""

    kind: str
    default: Any = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    format: str | None = None


_SCHEDULERS: Final = (
    "DDIM",
    "DPMSolverMultistep",
    "HeunDiscrete",
    "KarrasDPM",
    "K_EULER_ANCESTRAL",
    "K_EULER",
    "PNDM",
)
_REFINERS: Final = ("no_refiner", "expert_ensemble_refiner", "base_image_refiner")

FIELDS: Final[Mapping[str, Field]] = {
    "prompt": Field("string", "An astronaut riding a rainbow unicorn"),
    "negative_prompt": Field("string", ""),
    "image": Field("string", format="uri"),
    "mask": Field("string", format="uri"),
    "width": Field("integer", 1024),
    "height": Field("integer", 1024),
    "num_outputs": Field("integer", 1, 1, 4),
    "scheduler": Field("string", "K_EULER", choices=_SCHEDULERS),
    "num_inference_steps": Field("integer", 50, 1, 500),
    "guidance_scale": Field("number", 7.5, 1, 50),
    "prompt_strength": Field("number", 0.8, 0, 1),
    "seed": Field("integer"),
    "refine": Field("string", "no_refiner", choices=_REFINERS),
    "high_noise_frac": Field("number", 0.8, 0, 1),
    "refine_steps": Field("integer"),
    "apply_watermark": Field("boolean", True),
    "lora_scale": Field("number", 0.6, 0, 1),
    "replicate_weights": Field("string"),
    "disable_safety_checker": Field("boolean", False),
}

_BODY: Final[Mapping[str, str]] = {
    "version": "string",
    "input": "object",
    "webhook": "string",
    "webhook_events_filter": "array",
    "stream": "boolean",
}


def body_errors(body: Any) -> Iterator[InvalidField]:
    """Yield everything wrong with the body of a create, its input included."""
    if not isinstance(body, dict):
        yield _wrong_type("", "object", body)
        return
    yield from _missing(body, ("version", "input"))
    yield from _unknown("", body, _BODY)
    wrong = [_wrong_type(n, k, body[n]) for n, k in _BODY.items() if n in body and not _fits(k, body[n])]
    yield from wrong
    if not wrong:
        yield from _webhook_errors(body)
        yield from _input_errors(body.get("input", {}))


def _missing(body: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[InvalidField]:
    for name in names:
        if name not in body:
            yield InvalidField("required", "", f"{name} is required")


def _unknown(where: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[InvalidField]:
    for name in given:
        if name not in known:
            text = f"Additional property {name} is not allowed"
            yield InvalidField("additional_property_not_allowed", where, text)


def _webhook_errors(body: Mapping[str, Any]) -> Iterator[InvalidField]:
    if "webhook" in body and not _is_http(body["webhook"]):
        yield InvalidField("format", "webhook", "Does not match format 'uri'")
    for index, event in enumerate(body.get("webhook_events_filter", [])):
        if event not in EVENTS:
            yield _not_among(f"webhook_events_filter.{index}", EVENTS)


def _input_errors(given: Mapping[str, Any]) -> Iterator[InvalidField]:
    yield from _unknown("input", given, FIELDS)
    for name, field in FIELDS.items():
        if name in given:
            yield from _value_errors(f"input.{name}", field, given[name])


def _value_errors(name: str, field: Field, value: Any) -> Iterator[InvalidField]:
    if not _fits(field.kind, value):
        yield _wrong_type(name, field.kind, value)
    elif field.choices and value not in field.choices:
        yield _not_among(name, field.choices)
    elif field.format == "uri" and not _is_uri(value):
        yield InvalidField("format", name, "Does not match format 'uri'")
    elif field.least is not None and value < field.least:
        yield InvalidField("number_gte", name, f"Must be greater than or equal to {field.least:g}")
    elif field.most is not None and value > field.most:
        yield InvalidField("number_lte", name, f"Must be less than or equal to {field.most:g}")


def _not_among(name: str, choices: tuple[str, ...]) -> InvalidField:
    allowed = ", ".join(f'"{choice}"' for choice in choices)
    return InvalidField("enum", name, f"{name} must be one of the following: {allowed}")


def _wrong_type(name: str, kind: str, value: Any) -> InvalidField:
    return InvalidField("invalid_type", name, f"Invalid type. Expected: {kind}, given: {_kind(value)}")


def _fits(kind: str, value: Any) -> bool:
    return _kind(value) == kind or (kind == "number" and _kind(value) == "integer")


def _kind(value: Any) -> str:
    """Name the JSON type; as in JSON Schema, 2.0 is an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "integer" if value == value // 1 else "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _is_http(value: str) -> bool:
    """Plain http is accepted here, unlike at Replicate: a machine of its own has no certificate."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_uri(value: str) -> bool:
    return value.startswith("data:") or _is_http(value)


def seconds_to_wait(prefer: str) -> int | None:
    """Read `Prefer: wait` (60 s) or `wait=1..60`; anything else asks for nothing."""
    found = re.fullmatch(r"wait(?:=([1-9]|[1-5][0-9]|60))?", prefer.strip())
    return int(found[1] or 60) if found else None


def cancel_after(value: str) -> timedelta | None:
    """Read `Cancel-After` (`30s`, `5m`, `1h30m45s`, `30`); None when malformed or under five seconds."""
    found = re.fullmatch(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s?)?", value.strip())
    if not found:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return span if span >= timedelta(seconds=5) else None
