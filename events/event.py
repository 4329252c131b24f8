"""The base class of every event in the log."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


def schema_uri(name: str, version: int) -> str:
    """Name a schema version of an event type, as CloudEvents' `dataschema`."""
    return f"urn:exemplar:event:{name}:{version}"


class Event(BaseModel):
    """An immutable event without personal data.

    `type` and `schema_version` are stored, so that a stored event does not depend on its Python class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def __init_subclass__(cls, *, name: str | None = None, **options: Any) -> None:
        """Set the type: `class UserDeleted(Event, name="developer.user_deleted")`."""
        super().__init_subclass__(**options)
        if name is not None:
            cls.type = name


class Part(BaseModel):
    """A frozen value inside of an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# Nothing is written, so that events from before the field existed keep their bytes and their hash.
OmittedIfNone = Field(default=None, exclude_if=lambda value: value is None)
OmittedIfEmpty = Field(default=(), exclude_if=lambda value: not value)
