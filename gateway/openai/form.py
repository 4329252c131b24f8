"""The body of `POST /v1/images/edits`, read as a submission.

The prompt becomes the instructions, `user` the metadata; images are validated as those of every submission.
Parameters that this service cannot fulfil are refused by name: nothing asked for is ignored.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from domain.errors import ErrorCode, ExemplarError, FieldError, invalid_field
from domain.faults import Faults
from domain.submission.composition import canvas
from domain.submission.instructions import MAX_CHARACTERS, model_prompt, parse_instructions
from domain.submission.warnings import warnings_of
from gateway.http.texts import UndecodableTextError, decode_text, named, shown
from gateway.openai.model_routes import MODELS
from gateway.submissions.content import Content, ContentImage
from gateway.submissions.uploads.parts import FormFields, FormParts
from gateway.submissions.uploads.validation import FormRules, read_images

ResponseFormat = Literal["url", "b64_json"]

LONGEST_USER: Final = 512  # bytes
MOST_PARTIALS: Final = 3
_SHORT: Final = 64  # bytes kept of a parameter that names a choice
_PARAMETERS: Final = ("image", "prompt", "model", "n", "size", "response_format", "user", "stream", "partial_images")


@dataclass(frozen=True, slots=True)
class EditOptions:
    """How the picture is answered.

    response_format: None for both forms. partial_images: how many partial events may be sent at most; None for all.
    """

    response_format: ResponseFormat | None = None
    stream: bool = False
    partial_images: int | None = None


class EditForm:
    """The form of one request; `options` are those of the body once its content is read."""

    fields = FormFields(
        images=frozenset({"image"}),
        texts=dict.fromkeys((*_PARAMETERS[2:], "_charset_"), _SHORT)
        | {"prompt": 4 * MAX_CHARACTERS, "user": LONGEST_USER},
        lists=frozenset({"image"}),
    )

    def __init__(self) -> None:
        self.options = EditOptions()

    def content(self, parts: FormParts, rules: FormRules, faults: Faults) -> Content:
        """Validate the parts; raises the first fault, or an earlier one in `faults`, which names all others."""
        for name in parts.unknown:
            faults.add(unsupported(name))
        images = read_images(parts, faults, "name each file image or image[]")
        read = faults.check(_instructions, parts, rules)
        user = faults.check(_text, parts, "user", LONGEST_USER)
        options = faults.check(_options, parts)
        faults.check(_check_model, parts)
        faults.check(_check_number, parts)
        if images is not None:
            faults.check(_check_size, parts, images)
        faults.refuse()
        if images is None or read is None or options is None:
            raise AssertionError("a fault was not refused")
        self.options, (instructions, prompt) = options, read
        metadata = {"user": user} if user else None
        return Content(images, instructions, metadata, warnings=warnings_of(images, prompt))


def unsupported(name: str) -> FieldError:
    """Build the refusal of a parameter that is not known here."""
    msg = f"is not supported here; known: {', '.join(_PARAMETERS)}"
    return invalid_field("body", named(name), msg, "value_error.extra")


def _instructions(parts: FormParts, rules: FormRules) -> tuple[str, str]:
    """Return the prompt as instructions, and as the model gets it."""
    prompt = _text(parts, "prompt", 4 * MAX_CHARACTERS)
    if not prompt:
        raise FieldError(ErrorCode.INSTRUCTIONS_PROMPT, ("body", "prompt"), "field required", "value_error.missing")
    instructions = json.dumps({"prompt": prompt}, ensure_ascii=False)
    if len(instructions) > MAX_CHARACTERS:
        most = MAX_CHARACTERS - (len(instructions) - len(prompt))
        raise ExemplarError(
            ErrorCode.INSTRUCTIONS_LENGTH, f"must have at most {most} characters", loc=("body", "prompt")
        )
    return instructions, model_prompt(parse_instructions(instructions, ceilings=rules.ceilings))


def _options(parts: FormParts) -> EditOptions:
    chosen = _text(parts, "response_format")
    response_format = next((one for one in get_args(ResponseFormat) if one == chosen), None)
    if chosen and response_format is None:
        raise invalid_field("body", "response_format", "must be one of: url, b64_json", "value_error.const")
    match (_text(parts, "stream") or "false").lower():
        case "true" | "false" as stream:
            return _together(EditOptions(response_format, stream == "true", _partials(parts)))
    raise invalid_field("body", "stream", "must be true or false", "value_error.const")


def _together(options: EditOptions) -> EditOptions:
    """Refuse options of which one would be ignored beside the other."""
    if options.stream and options.response_format == "url":
        raise invalid_field("body", "response_format", "must be b64_json with stream=true", "value_error.const")
    if options.partial_images and not options.stream:
        raise invalid_field("body", "partial_images", "needs stream=true")
    return options


def _partials(parts: FormParts) -> int | None:
    text = _text(parts, "partial_images")
    if not text:
        return None
    if text not in map(str, range(MOST_PARTIALS + 1)):
        raise invalid_field("body", "partial_images", f"must be a number from 0 to {MOST_PARTIALS}")
    return int(text)


def _check_model(parts: FormParts) -> None:
    model = _text(parts, "model")
    if model and model not in MODELS:
        msg = f"The model {shown(model)} does not exist; known: {', '.join(MODELS)}"
        raise ExemplarError(ErrorCode.NOT_FOUND, msg, loc=("body", "model"))


def _check_number(parts: FormParts) -> None:
    if (_text(parts, "n") or "1") != "1":
        raise invalid_field("body", "n", "must be 1: each request makes one picture", "value_error.const")


def _check_size(parts: FormParts, images: Sequence[ContentImage]) -> None:
    """Compare with the size that the picture will have: the first image gives it its shape."""
    width, height = canvas((images[0].width, images[0].height))
    known = ("auto", f"{width}x{height}")
    if (_text(parts, "size") or "auto") not in known:
        msg = f"must be one of: {', '.join(known)}; the picture has the shape of the first image"
        raise invalid_field("body", "size", msg, "value_error.const")


def _text(parts: FormParts, name: str, most: int = _SHORT) -> str | None:
    """Read a parameter that may come once; None without it."""
    sent = parts.text(name)
    if sent is None:
        return None
    if len(sent.raw) > most:
        raise invalid_field("body", name, f"must have at most {most} bytes", "value_error.any_str.max_length")
    try:
        return decode_text(*sent).strip()
    except UndecodableTextError as error:
        raise invalid_field("body", name, str(error)) from error
