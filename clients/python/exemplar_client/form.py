"""The form of a submission."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

Source = bytes | str | PathLike[str]
"""A picture's bytes, or the path of its file."""

Instructions = str | Mapping[str, Any]
"""JSON text or a mapping; needs a `prompt`."""


def files_of(pictures: Sequence[Source]) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Read pictures into parts of the form; file names are not sent."""
    return [
        ("example_images", (f"image-{number}", _content(picture), "application/octet-stream"))
        for number, picture in enumerate(pictures, start=1)
    ]


def fields_of(
    instructions: Instructions,
    metadata: Mapping[str, Any] | None,
    webhook: str | None,
    webhook_events: Sequence[str],
) -> dict[str, str | list[str]]:
    """Write the text parts of the form."""
    fields: dict[str, str | list[str]] = {"instructions": _json(instructions)}
    if metadata is not None:
        fields["metadata"] = _json(metadata)
    if webhook is not None:
        fields["webhook"] = webhook
    if webhook_events:
        fields["webhook_events_filter"] = list(webhook_events)
    return fields


def _content(picture: Source) -> bytes:
    return picture if isinstance(picture, bytes) else Path(picture).read_bytes()


def _json(value: Instructions) -> str:
    """Write JSON without escapes: the service allows 1000 characters of this text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
