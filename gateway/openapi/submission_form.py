"""The bodies of submissions; other bodies come from the models that read them."""

from collections.abc import Mapping
from typing import Any, Final

from domain.submission.instructions import COMPOSITIONS, MAX_CHARACTERS
from domain.submission.model_inputs import REFINERS, SCHEDULERS

Schema = dict[str, Any]


def _whole(low: int, high: int, step: int = 1) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high} | ({"multipleOf": step} if step > 1 else {})


def _number(low: float, high: float) -> Schema:
    return {"type": "number", "minimum": low, "maximum": high}


_TEXT: Final[Schema] = {"type": "string"}
_STEPS: Final = _whole(1, 500)
_SIDE: Final = _whole(8, 2048, 8)
INSTRUCTIONS: Final[Schema] = {
    "type": "object",
    "required": ["prompt"],
    "description": "Inputs of the model, checked; any other key is added to the prompt. The operator may set lower "
    "maxima. null is the same as an absent key",
    "properties": {
        "prompt": {**_TEXT, "pattern": r"\S"},
        "negative_prompt": _TEXT,
        "composition": {"enum": list(COMPOSITIONS)},
        "width": _SIDE,
        "height": _SIDE,
        "num_outputs": _whole(1, 4),
        "scheduler": {"enum": list(SCHEDULERS)},
        "num_inference_steps": _STEPS,
        "guidance_scale": _number(1, 50),
        "prompt_strength": _number(0, 1),
        "seed": _whole(0, 2**32 - 1),
        "refine": {"enum": list(REFINERS)},
        "high_noise_frac": _number(0, 1),
        "refine_steps": _STEPS,
        "apply_watermark": {"type": "boolean"},
        "lora_scale": _number(0, 1),
    },
}
_FILES: Final[Schema] = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "minItems": 1,
    "maxItems": 5,
    "description": "JPEG, PNG or WebP, at most 10 MiB each; with stored pictures at most five together",
}
_STORED: Final[Schema] = {"type": "array", "items": {**_TEXT, "maxLength": 80}, "minItems": 1, "maxItems": 5}
_PICTURES: Final[Mapping[str, Schema]] = {
    "example_images": _FILES,
    "files": {**_FILES, "description": "Another name of example_images"},
    "from_generation": {**_STORED, "description": "A result of your own: the id of a generation, or id/number"},
    "from_example": {**_STORED, "description": "An example of your own: the id of a generation, or id/number"},
}

FORM: Final[Mapping[str, Any]] = {
    "multipart/form-data": {
        "type": "object",
        "required": ["instructions"],
        "anyOf": [{"required": [name]} for name in _PICTURES],
        "properties": {
            **_PICTURES,
            "instructions": {
                **_TEXT,
                "minLength": 1,
                "maxLength": MAX_CHARACTERS,
                "contentMediaType": "application/json",
                "contentSchema": INSTRUCTIONS,
                "description": "A JSON object, as text",
            },
            "expected_hash": {"type": "array", "items": {**_TEXT, "maxLength": 80}, "maxItems": 5},
            "start_by": {**_TEXT, "format": "date-time"},
            "webhook": {**_TEXT, "maxLength": 2048},
            "webhook_events_filter": {"type": "array", "items": _TEXT, "maxItems": 16},
            "metadata": {
                **_TEXT,
                "maxLength": 2048,
                "contentMediaType": "application/json",
                "contentSchema": {"type": "object", "maxProperties": 16},
                "description": "A JSON object, as text",
            },
        },
    }
}
SEED: Final[Mapping[str, Any]] = {
    "application/json": {"type": "object", "properties": {"seed": {"enum": ["new", "same"]}}},
}
