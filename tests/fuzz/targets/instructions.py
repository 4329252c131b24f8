"""The field `instructions`: texts that are nearly JSON objects with a prompt."""

import json
from typing import Final

from domain.errors import ExemplarError
from domain.submission.instructions import COMPOSITIONS, MAX_CHARACTERS, model_prompt, parse_instructions
from domain.submission.model_inputs import Ceilings, rules
from tests.fuzz.mutation import spoilt_json, spoilt_text
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_OBJECTS: Final = (
    {"prompt": "a garden"},
    {"prompt": "a garden", "seed": 3, "num_outputs": 1, "guidance_scale": 7.5, "scheduler": "DDIM", "refine": None},
    {"prompt": "x", "composition": "grid", "mood": {"tone": ["calm", {"a": None}]}, "style": True, "width": 512},
    {"prompt": "x", "disable_safety_checker": True, "image": "http://127.0.0.1/", "webhook": "x", "version": "y"},
)
_TOKENS: Final = (
    "\0",
    '"',
    "{",
    "[",
    "[" * 900,
    "NaN",
    "-Infinity",
    "1e999",
    '"prompt":',
    "\\ud800",
    "\ufeff",
    "//",
    "9" * 400,
)
_WRITTEN: Final = tuple(json.dumps(each) for each in _OBJECTS)
_TEXTS: Final = spoilt_text(_WRITTEN, _TOKENS) | spoilt_json(_OBJECTS).map(json.dumps)
_CEILINGS: Final = Ceilings()


def check(_: Service, text: str) -> None:
    try:
        read = parse_instructions(text, ceilings=_CEILINGS)
    except ExemplarError:
        return
    assert len(text) <= MAX_CHARACTERS
    assert read.prompt.strip()
    assert read.parameters.keys() <= rules(_CEILINGS).keys()
    assert read.composition in (None, *COMPOSITIONS)
    assert not {"image", "webhook", "version", "disable_safety_checker"} & read.parameters.keys()
    assert read.prompt.strip() in model_prompt(read)
    json.dumps([dict(read.parameters), read.modifiers], allow_nan=False).encode()
    assert parse_instructions(text, ceilings=_CEILINGS) == read


INSTRUCTIONS: Final = Target("instructions", 7, every(_TEXTS, check))
