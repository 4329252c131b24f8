"""The field ``instructions``: one JSON object in a text of 1 to 1,000 characters.

``prompt`` is required. A key that is an input of the model is checked and passed on; a few keys are ignored;
``composition`` says how several examples become one image; every other key is added to the prompt, in the
order received. ``null`` is the same as an absent key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.faults import Faults
from domain.strict_json import MalformedJsonError, UnacceptableJsonError, load_json
from domain.submission.composition import Composition
from domain.submission.model_inputs import Ceilings, Value, check_choice, rules

MAX_CHARACTERS: Final = 1_000
COMPOSITIONS: Final[tuple[Composition, ...]] = get_args(Composition)

_IGNORED: Final = frozenset({"image", "mask", "disable_safety_checker", "replicate_weights", "version"})
_IGNORED_PREFIX: Final = "webhook"


@dataclass(frozen=True, slots=True)
class Instructions:
    """Parsed instructions.

    ``parameters``: inputs of the model within their ranges; ``modifiers``: text for the prompt in the order
    received.
    """

    prompt: str
    parameters: Mapping[str, Value]
    modifiers: tuple[tuple[str, str], ...]
    composition: Composition | None


def parse_instructions(text: str, *, ceilings: Ceilings) -> Instructions:
    """Read the text of the field ``instructions``.

    Checked in this order: length (code points of the text as received), JSON, object, ``prompt``,
    ``composition``, then the model's inputs in the order received. Raises ExemplarError (length)
    or FieldError, which names the other faults.
    """
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise instructions_length()
    given, faults = _read_object(text), Faults()
    prompt = faults.check(_check_prompt, given.pop("prompt", None)) or ""
    members = {key: value for key, value in given.items() if value is not None and not _is_ignored(key)}
    composition = faults.check(_check_composition, members.pop("composition", None))
    table = rules(ceilings)
    checked = {key: faults.check(table[key], key, value) for key, value in members.items() if key in table}
    faults.refuse()
    parameters = {key: value for key, value in checked.items() if value is not None}
    texts = ((key, _flatten(value)) for key, value in members.items() if key not in table)
    return Instructions(prompt, parameters, tuple((key, text) for key, text in texts if text), composition)


def instructions_length() -> ExemplarError:
    """Build the error of a text that is empty or too long."""
    return ExemplarError(ErrorCode.INSTRUCTIONS_LENGTH, loc=("body", "instructions"))


def model_prompt(instructions: Instructions) -> str:
    """Write the prompt for the model: ``Generate a city, style: cyberpunk, mood: calm``."""
    modifiers = (f"{key}: {text}" if key else text for key, text in instructions.modifiers)
    return ", ".join([instructions.prompt.strip(), *modifiers])


def _read_object(text: str) -> dict[str, object]:
    try:
        value = load_json(text)
    except MalformedJsonError as error:
        raise _refusal(ErrorCode.INSTRUCTIONS_JSON, "Invalid JSON format", "value_error.json") from error
    except UnacceptableJsonError as error:
        raise _refusal(ErrorCode.INSTRUCTIONS_VALUE, str(error), "value_error") from error
    if not isinstance(value, dict):
        msg = "Instructions must be a JSON object"
        raise _refusal(ErrorCode.INSTRUCTIONS_TYPE, msg, "type_error.dict")
    return value


def _check_prompt(prompt: object) -> str:
    match prompt:
        case None:
            raise _prompt_refusal("field required", "value_error.missing")
        case str() if not prompt.strip():
            raise _prompt_refusal("prompt must not be blank", "value_error.any_str.min_length")
        case str():
            return prompt
        case _:
            raise _prompt_refusal("str type expected", "type_error.str")


def _check_composition(value: object) -> Composition | None:
    if value is None:
        return None
    named = check_choice("composition", value, COMPOSITIONS)
    return next(way for way in COMPOSITIONS if way == named)


def _is_ignored(key: str) -> bool:
    plain = key.strip().lower()
    return plain in _IGNORED or plain.startswith(_IGNORED_PREFIX)


def _flatten(value: object) -> str:
    """Write a JSON value as text: lists joined by commas, objects as ``key: value`` in parentheses."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            members = ((key, _flatten(member)) for key, member in value.items())
            inner = ", ".join(f"{key}: {text}" for key, text in members if text)
            return f"({inner})" if inner else ""
        case list():
            return ", ".join(text for text in map(_flatten, value) if text)
        case _:
            return str(value).strip()


def _refusal(code: ErrorCode, msg: str, kind: str) -> FieldError:
    return FieldError(code, ("body", "instructions"), msg, kind)


def _prompt_refusal(msg: str, kind: str) -> FieldError:
    return FieldError(ErrorCode.INSTRUCTIONS_PROMPT, ("body", "instructions", "prompt"), msg, kind)
