"""The base of every fact in the log."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


def schema_uri(name: str, version: int) -> str:
    """Name a schema version of an event type, as CloudEvents' `dataschema`."""
    return f"urn:exemplar:event:{name}:{version}"


class Event(BaseModel):
    """A fact in the past tense: frozen, closed, free of personal content.

    `type` and `schema_version` are data, so that a stored event never depends on where its class lives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1
