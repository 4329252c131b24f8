"""The bodies of a submission and of its repetition, as the document describes them."""

from collections.abc import Mapping
from typing import Any, Final

_TEXT: Final = {"type": "string"}
_FILE: Final = {"type": "string", "format": "binary"}
_FILES: Final = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": 5}

FORM: Final[Mapping[str, Any]] = {
    "multipart/form-data": {
        "type": "object",
        "required": ["instructions"],
        "properties": {
            "example_images": _FILES,
            "files": {**_FILES, "description": "Another name of example_images"},
            "instructions": {**_TEXT, "description": "A sentence, or a JSON object with `prompt`"},
            "webhook": {**_TEXT, "maxLength": 2048},
            "webhook_events_filter": _TEXT,
            "metadata": {**_TEXT, "maxLength": 2048, "description": "A JSON object of strings"},
        },
    }
}
SEED: Final[Mapping[str, Any]] = {
    "application/json": {"type": "object", "properties": {"seed": {"enum": ["new", "same"]}}},
}
