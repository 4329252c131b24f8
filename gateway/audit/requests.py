"""Queries and bodies of the audit routes."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from domain.audit import points
from domain.audit.event_filter import Bounds, EventFilter
from gateway.http.parsing import Body
from gateway.http.values import ConsumerName, EventTypeName, Id, Moment, Number, Text


def _point(sent: object) -> points.Point:
    if not isinstance(sent, str) or (found := points.parse_point(sent)) is None:
        raise ValueError(points.EXPECTED)
    return found


Point = Annotated[points.Point, BeforeValidator(_point), WithJsonSchema({"type": "string"})]
Position = Annotated[Number, Field(ge=0, lt=10**15)]
Actor = Annotated[str, Field(pattern=r"^[a-z]{1,16}(:[\x20-\x7e]{1,128})?$")]
StreamName = Annotated[str, Field(pattern=r"^[a-z]{1,16}(-[\x21-\x7e]{1,128})?$")]
Order = Literal["forward", "backward"]


class EventsRequest(BaseModel):
    """Which events of the log, from where, and in which order; `limit` counts commits."""

    after: Position | None = None
    before: Annotated[Position, Field(ge=1)] | None = None
    recorded_from: Moment | None = None
    recorded_before: Moment | None = None
    order: Order = "forward"
    limit: Annotated[Number, Field(ge=1, le=500)] = 100
    consumer: ConsumerName | None = None
    type: EventTypeName | None = None
    generation_id: Id | None = None
    project_id: Id | None = None
    user_id: Id | None = None
    actor: Actor | None = None
    correlation_id: StreamName | None = None
    request_id: Text | None = None
    personal_data: bool = False

    def bounds(self, after: int | None) -> Bounds:
        """Return the bounds, behind a position that may come from elsewhere than the query."""
        return Bounds(
            after=after,
            before=self.before,
            recorded_from=self.recorded_from,
            recorded_before=self.recorded_before,
        )

    def wanted(self, developer: str | None) -> EventFilter:
        """Return the filter; with a `developer` only what is theirs."""
        return EventFilter(
            type=self.type,
            generation=self.generation_id,
            developer=developer,
            project=self.project_id,
            user=self.user_id,
            actor=self.actor,
            correlation_id=self.correlation_id,
            request_id=self.request_id,
        )


class AsOfRequest(BaseModel):
    """The point at which something is shown; without one it is shown as it is now."""

    as_of: Point | None = None


class DifferenceRequest(AsOfRequest):
    """The two points that are compared."""

    since: Point


class AccessesRequest(BaseModel):
    """A page of accesses, newest first."""

    before: Annotated[Position, Field(ge=1)] | None = None
    limit: Annotated[Number, Field(ge=1, le=100)] = 20


class SeekRequest(Body):
    """Where a consumer continues: behind a position, or with what was recorded at a time or later."""

    position: Annotated[int, Field(ge=0, strict=True)] | None = None
    recorded_from: Moment | None = None


class AcknowledgeRequest(Body):
    position: Annotated[int, Field(ge=0, strict=True)]
