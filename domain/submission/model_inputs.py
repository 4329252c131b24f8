"""The inputs of the model (SDXL) that a client may set: type, range and the operator's ceilings.

The ranges are those of the schema of stability-ai/sdxl. Where the schema has none: ``width`` and ``height``
are multiples of 8 up to 2,048 (the model ignores both when it gets an image, as it always does here),
``seed`` is an unsigned 32-bit number and ``refine_steps`` has the ceiling of the steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from domain.errors import ErrorCode, FieldError

Value = str | int | float | bool

SCHEDULERS: Final = (
    "DDIM",
    "DPMSolverMultistep",
    "HeunDiscrete",
    "KarrasDPM",
    "K_EULER_ANCESTRAL",
    "K_EULER",
    "PNDM",
)
REFINERS: Final = ("no_refiner", "expert_ensemble_refiner", "base_image_refiner")


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The operator's limits: pictures of one generation, steps of one picture."""

    outputs: int = 1
    steps: int = 50


class Whole(NamedTuple):
    """An integer from ``low`` to ``high``, a multiple of ``step``."""

    low: int
    high: int
    step: int = 1


class Number(NamedTuple):
    """A number from ``low`` to ``high``."""

    low: float
    high: float


class Choice(NamedTuple):
    """One of ``options``."""

    options: tuple[str, ...]


class Flag(NamedTuple):
    """true or false."""


class Text(NamedTuple):
    """Any text."""


Rule = Whole | Number | Choice | Flag | Text


def rules(ceilings: Ceilings) -> Mapping[str, Rule]:
    """Map every accepted input to its rule."""
    return {
        "negative_prompt": Text(),
        "width": Whole(8, 2048, step=8),
        "height": Whole(8, 2048, step=8),
        "num_outputs": Whole(1, min(4, ceilings.outputs)),
        "scheduler": Choice(SCHEDULERS),
        "num_inference_steps": Whole(1, min(500, ceilings.steps)),
        "guidance_scale": Number(1, 50),
        "prompt_strength": Number(0, 1),
        "seed": Whole(0, 2**32 - 1),
        "refine": Choice(REFINERS),
        "high_noise_frac": Number(0, 1),
        "refine_steps": Whole(1, min(500, ceilings.steps)),
        "apply_watermark": Flag(),
        "lora_scale": Number(0, 1),
    }


def check_input(name: str, value: object, rule: Rule) -> Value:
    """Return the value for the model; raise a FieldError that names the bound."""
    match rule:
        case Whole():
            return _whole(name, value, rule)
        case Number():
            return _number(name, value, rule)
        case Choice():
            return check_choice(name, value, rule.options)
        case Flag():
            if isinstance(value, bool):
                return value
            raise refusal(name, "value could not be parsed to a boolean", "type_error.bool")
        case Text():
            if isinstance(value, str):
                return value
            raise refusal(name, "str type expected", "type_error.str")


def check_choice(name: str, value: object, options: tuple[str, ...]) -> str:
    """Return the value when it is one of the options; raise a FieldError that lists them."""
    if isinstance(value, str) and value in options:
        return value
    permitted = ", ".join(f"'{option}'" for option in options)
    raise refusal(name, f"value is not a valid enumeration member; permitted: {permitted}", "type_error.enum")


def refusal(name: str, msg: str, kind: str) -> FieldError:
    """Build the error of one key of the instructions."""
    return FieldError(ErrorCode.INSTRUCTIONS_VALUE, ("body", "instructions", name), msg, kind)


def _whole(name: str, value: object, rule: Whole) -> int:
    # JSON has one kind of number: 50.0 is the integer 50.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal(name, "value is not a valid integer", "type_error.integer")
    _check_range(name, value, rule.low, rule.high)
    if value % rule.step:
        msg = f"ensure this value is a multiple of {rule.step}"
        raise refusal(name, msg, "value_error.number.not_multiple")
    return value


def _number(name: str, value: object, rule: Number) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise refusal(name, "value is not a valid float", "type_error.float")
    _check_range(name, value, rule.low, rule.high)
    return value


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if value < low:
        msg = f"ensure this value is greater than or equal to {low}"
        raise refusal(name, msg, "value_error.number.not_ge")
    if value > high:
        raise refusal(name, f"ensure this value is less than or equal to {high}", "value_error.number.not_le")
