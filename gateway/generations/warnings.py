"""Warnings of a submission as clients read them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from domain.submission.warnings import MODEL_TOKENS, RECOMMENDED_EXAMPLES, RECOMMENDED_SIDE, WarningCode
from events.generation import Warned
from gateway.generations.answers import SubmissionWarning

MESSAGES: Final[Mapping[str, str]] = {
    WarningCode.FEW_EXAMPLES: f"There are fewer than {RECOMMENDED_EXAMPLES} example images",
    WarningCode.SMALL_EXAMPLE: f"A side of this example image is under {RECOMMENDED_SIDE} pixels",
    WarningCode.HEAVY_COMPRESSION: "This example image is heavily compressed; send a better copy",
    WarningCode.DUPLICATE_EXAMPLES: "This example image is the same as an earlier one",
    WarningCode.PROMPT_TOO_LONG: f"The image model reads {MODEL_TOKENS} tokens of the prompt; the rest is cut",
    WarningCode.PROVIDER_PAUSED: "The image model is not called at the moment; the request waits until it is",
    WarningCode.HELD: "An operator holds back requests at the moment; this one waits: see its `explain`",
    WarningCode.UNKNOWN_FIELDS: "Fields of the form that are not known were ignored",
}


def written_warnings(warnings: Iterable[Warned], unknown_fields: Sequence[str] = ()) -> list[SubmissionWarning]:
    """Write warnings as `{code, message, example}`; `example` is the number of an image, from 0, or null.

    That of unknown fields names them in `fields` where they are known: in the answer to the request that sent them.
    """
    return [_written(one, unknown_fields) for one in warnings]


def _written(warning: Warned, unknown_fields: Sequence[str]) -> SubmissionWarning:
    code = WarningCode(warning.code)
    written: SubmissionWarning = {"code": code, "message": MESSAGES.get(code, code), "example": warning.example}
    if code is WarningCode.UNKNOWN_FIELDS and unknown_fields:
        written["fields"] = [*unknown_fields]
    return written
