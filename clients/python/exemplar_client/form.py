"""The request of a submission: its form and its headers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict

from exemplar_client.requests import headers_of

Part = tuple[str, tuple[str | None, bytes | str, str | None]]
"""A part of the form as httpx takes it: its name, and file name, content and type."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of an earlier generation of the same user, numbered from 0; one of the classes below."""

    id: str
    number: int = 0


class FromGeneration(StoredPicture):
    """A result of an earlier generation, as an example."""

    __slots__ = ()


class FromExample(StoredPicture):
    """An example of an earlier generation, as an example."""

    __slots__ = ()


Source = bytes | str | PathLike[str] | StoredPicture
"""A picture's bytes, the path of its file, or a picture that the service has already."""

Instructions = str | Mapping[str, Any]
"""JSON text or a mapping; needs a `prompt`."""


class Options(TypedDict, total=False):
    """What a submission may say beside pictures and instructions; None is the same as left out.

    idempotency_key: your own key, so that a repeat after a crash of your program makes one generation.
    expected_hashes: the SHA-256 in hexadecimal that each picture must have, in their order; None: not checked.
    queue: wait for a slot where none is free, instead of a 429.
    start_by: the moment until which the model must have been called; a datetime with a zone, or RFC 3339.
    start_timeout, cancel_after: durations until the model is called, and until the end: `30s`, `5m`.
    webhook_events: a selection of `start`, `progress` and `completed`.
    """

    idempotency_key: str | None
    metadata: Mapping[str, Any] | None
    webhook: str | None
    webhook_events: Sequence[str]
    expected_hashes: Sequence[str | None]
    queue: bool
    start_by: datetime | str | None
    start_timeout: str | None
    cancel_after: str | None


def form_of(pictures: Sequence[Source], instructions: Instructions, options: Options) -> list[Part]:
    """Write the parts of the form; it is multipart even without a picture, and file names are not sent."""
    return [*_texts(instructions, options), *(_picture(picture, at) for at, picture in enumerate(pictures, start=1))]


def submission_headers(options: Options) -> dict[str, str]:
    """Return the headers of the options."""
    return headers_of(
        {
            "Prefer": "queue" if options.get("queue") else None,
            "Cancel-After": options.get("cancel_after"),
            "X-Start-Timeout": options.get("start_timeout"),
        }
    )


def _texts(instructions: Instructions, options: Options) -> list[Part]:
    fields = [("instructions", _json(instructions))]
    if (metadata := options.get("metadata")) is not None:
        fields.append(("metadata", _json(metadata)))
    if (webhook := options.get("webhook")) is not None:
        fields.append(("webhook", webhook))
    fields += [("webhook_events_filter", name) for name in options.get("webhook_events", ())]
    fields += [("expected_hash", sha256 or "") for sha256 in options.get("expected_hashes", ())]
    if (start_by := options.get("start_by")) is not None:
        fields.append(("start_by", start_by.isoformat() if isinstance(start_by, datetime) else start_by))
    return [(name, (None, text, None)) for name, text in fields]


def _picture(picture: Source, at: int) -> Part:
    match picture:
        case StoredPicture(identifier, number):
            field = "from_example" if isinstance(picture, FromExample) else "from_generation"
            return field, (None, f"{identifier}/{number}", None)
        case bytes():
            return _file(picture, at)
        case _:
            return _file(Path(picture).read_bytes(), at)


def _file(content: bytes, at: int) -> Part:
    return "example_images", (f"image-{at}", content, "application/octet-stream")


def _json(value: Instructions) -> str:
    """Write JSON without escapes: the service allows 1000 characters of this text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
