"""The forms of errors."""

from collections.abc import Sequence
from typing import NotRequired

from typing_extensions import TypedDict

from domain.errors import ErrorCode, LimitReason
from gateway.openapi.values import Uuid


class FieldFault(TypedDict):
    """A wrong field: where it is, what is wrong, and the kind of fault."""

    loc: Sequence[str | int]
    msg: str
    type: str


class Fault(TypedDict):
    """One of all faults of a request, with the code that it would be refused with alone."""

    loc: Sequence[str | int]
    code: ErrorCode
    msg: str
    type: NotRequired[str]


class ErrorMembers(TypedDict):
    """What both forms of an error have; `id`: the generation that may have been recorded.

    reason: which of the limits that share a code is reached.
    """

    code: ErrorCode
    request_id: str
    retry_after: NotRequired[int]
    reason: NotRequired[LimitReason]
    errors: NotRequired[Sequence[Fault]]
    id: NotRequired[Uuid]


class Error(ErrorMembers):
    """An error; `detail` is a sentence, or the wrong fields."""

    detail: str | Sequence[FieldFault]


class Problem(ErrorMembers):
    """An error in the form of RFC 9457; `type` is the page about its code."""

    type: str
    title: str
    status: int
    detail: str


class OpenAiErrorMembers(TypedDict):
    """An error as clients of OpenAI's API know it; `generation_id`: the generation that may go on."""

    message: str
    type: str
    param: str | None
    code: str | None
    generation_id: NotRequired[Uuid]


class OpenAiError(TypedDict):
    """The error of an operation in the form of OpenAI's API."""

    error: OpenAiErrorMembers
