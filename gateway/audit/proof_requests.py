"""Queries and bodies of the proof routes."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.http.parsing import Body
from gateway.http.values import Number

Size = Annotated[Number, Field(ge=0, lt=10**15)]
EventId = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}:[1-9][0-9]{0,8}$")]


class CheckpointRequest(BaseModel):
    """The size of a checkpoint; without one the latest."""

    size: Size | None = None


class ProofRequest(BaseModel):
    """The event to prove: stream:version."""

    event: EventId

    @property
    def stream(self) -> str:
        return self.event.rpartition(":")[0]

    @property
    def version(self) -> int:
        return int(self.event.rpartition(":")[2])


class ConsistencyRequest(BaseModel):
    """Two sizes of the log; the second is that of a checkpoint, without one the latest."""

    older: Size = Field(alias="from")
    newer: Size | None = Field(None, alias="to")


class CosignRequest(Body):
    """A checkpoint with the signatures of witnesses."""

    note: Annotated[str, Field(max_length=8192)]
