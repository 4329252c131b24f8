"""The one model of the sandbox and its versions, as Replicate describes them."""

import re
from typing import Any, Final

from sandbox.inputs import FIELDS, Field

OWNER: Final = "stability-ai"
NAME: Final = "sdxl"
MODEL: Final = f"{OWNER}/{NAME}"

VERSIONS: Final = {
    "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc": "2024-05-31T00:00:00.000000Z",
    "13f35c1d2354fab73101e29a49eb071b45bf24988f11a3b49a061a745356d1d3": "2023-12-01T00:00:00.000000Z",
    "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b": "2023-08-14T00:00:00.000000Z",
    "2f779eb9b23b34fe171f8eaa021b8261566f0d2c10cd2674063e7dbcd351509e": "2023-07-26T00:00:00.000000Z",
}
"""Newest first; the dates give the order, not the day."""

_REFERENCE: Final = re.compile(rf"(?:{re.escape(MODEL)}:)?([0-9a-f]{{64}})")


def resolved(reference: str) -> str | None:
    """Return the version that `64hex` or `owner/name:64hex` names, None when there is none.

    A bare `owner/name` is for official models, and SDXL is none.
    """
    found = _REFERENCE.fullmatch(reference)
    return found[1] if found and found[1] in VERSIONS else None


def model(base: str) -> dict[str, Any]:
    return {
        "url": f"{base}/{MODEL}",
        "owner": OWNER,
        "name": NAME,
        "description": "A stand-in for the text-to-image model; its pictures are made from yours, offline.",
        "visibility": "public",
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": version(next(iter(VERSIONS))),
    }


def versions() -> dict[str, Any]:
    return {"next": None, "previous": None, "results": [version(name) for name in VERSIONS]}


def version(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "created_at": VERSIONS[name],
        "cog_version": "0.8.6",
        "openapi_schema": {
            "openapi": "3.0.2",
            "info": {"title": "Cog", "version": "0.1.0"},
            "paths": {},
            "components": {"schemas": {"Input": _input_schema(), "Output": _OUTPUT}},
        },
    }


_OUTPUT: Final = {"title": "Output", "type": "array", "items": {"type": "string", "format": "uri"}}


def _input_schema() -> dict[str, Any]:
    return {
        "title": "Input",
        "type": "object",
        "properties": {name: _property(name, order, field) for order, (name, field) in enumerate(FIELDS.items())},
    }


def _property(name: str, order: int, field: Field) -> dict[str, Any]:
    keywords = {
        "default": field.default,
        "minimum": field.least,
        "maximum": field.most,
        "enum": list(field.choices) or None,
        "format": field.format,
    }
    present = {key: value for key, value in keywords.items() if value is not None}
    return {"title": name.replace("_", " ").capitalize(), "type": field.kind, "x-order": order} | present
