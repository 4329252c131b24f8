"""The base of every fact in the log."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """A fact in the past tense: frozen, closed, free of personal content.

    `type` and `schema_version` are data, so that a stored event never depends on where its class lives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1
