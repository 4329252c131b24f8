"""Answers in the form of OpenAI's API."""

from collections.abc import Sequence
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from gateway.openapi.values import Url, Uuid


class EditedImage(TypedDict):
    """A picture by its signed link, as base64, or both."""

    url: NotRequired[Url]
    b64_json: NotRequired[str]


class EditedImages(TypedDict):
    """The picture of a finished generation; `created`: Unix seconds."""

    id: Uuid
    created: int
    data: Sequence[EditedImage]
    output_format: str
    size: str


class Model(TypedDict):
    """The image model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(TypedDict):
    """The models."""

    object: Literal["list"]
    data: Sequence[Model]
