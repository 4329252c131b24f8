"""The inputs of the model (SDXL) that a client may set: type, range and the operator's ceilings.

The ranges are those of the schema of stability-ai/sdxl. Where the schema has none: ``width`` and ``height``
are multiples of 8 up to 2,048 (the model ignores both when it gets an image, as it always does here),
``seed`` is an unsigned 32-bit number and ``refine_steps`` has the ceiling of the steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

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


ADMITTED: Final = Ceilings(outputs=4, steps=500)
"""For what was admitted under the operator's ceilings: lowering them later must not fail it."""

Rule = Callable[[str, object], Value]
"""Takes name and value of an input; returns the value for the model or raises a FieldError."""


def rules(ceilings: Ceilings) -> Mapping[str, Rule]:
    """Map every accepted input to its rule."""
    size, fraction = partial(_whole, low=8, high=2048, step=8), partial(_number, low=0, high=1)
    steps = partial(_whole, low=1, high=min(500, ceilings.steps))
    return {
        "negative_prompt": _text,
        "width": size,
        "height": size,
        "num_outputs": partial(_whole, low=1, high=min(4, ceilings.outputs)),
        "scheduler": partial(check_choice, options=SCHEDULERS),
        "num_inference_steps": steps,
        "guidance_scale": partial(_number, low=1, high=50),
        "prompt_strength": fraction,
        "seed": partial(_whole, low=0, high=2**32 - 1),
        "refine": partial(check_choice, options=REFINERS),
        "high_noise_frac": fraction,
        "refine_steps": steps,
        "apply_watermark": _flag,
        "lora_scale": fraction,
    }


def check_choice(name: str, value: object, options: tuple[str, ...]) -> str:
    """Return the value when it is one of the options; raise a FieldError that lists them."""
    if isinstance(value, str) and value in options:
        return value
    permitted = ", ".join(f"'{option}'" for option in options)
    raise refusal(name, f"value is not a valid enumeration member; permitted: {permitted}", "type_error.enum")


def refusal(name: str, msg: str, kind: str) -> FieldError:
    return FieldError(ErrorCode.INSTRUCTIONS_VALUE, ("body", "instructions", name), msg, kind)


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise refusal(name, "str type expected", "type_error.str")


def _flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise refusal(name, "value could not be parsed to a boolean", "type_error.bool")


def _whole(name: str, value: object, *, low: int, high: int, step: int = 1) -> int:
    # JSON has one kind of number: 50.0 is the integer 50.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal(name, "value is not a valid integer", "type_error.integer")
    _check_range(name, value, low, high)
    if value % step:
        raise refusal(name, f"ensure this value is a multiple of {step}", "value_error.number.not_multiple")
    return value


def _number(name: str, value: object, *, low: float, high: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise refusal(name, "value is not a valid float", "type_error.float")
    _check_range(name, value, low, high)
    return value


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if value < low:
        raise refusal(name, f"ensure this value is greater than or equal to {low}", "value_error.number.not_ge")
    if value > high:
        raise refusal(name, f"ensure this value is less than or equal to {high}", "value_error.number.not_le")
