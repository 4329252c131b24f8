"""Bodies of the consumer routes."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.http.parsing import Body, parse_one
from gateway.http.values import ConsumerName, Moment

LONGEST_LEASE = 3600  # seconds
LONGEST_WAIT = 60

Cursor = Annotated[str, Field(max_length=64)]
Seconds = Annotated[int, Field(ge=1, le=LONGEST_LEASE, strict=True)]
Lease = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class MoveRequest(Body):
    """Where a consumer continues: behind a cursor (`0`: at the beginning), or with what was recorded at a time."""

    cursor: Cursor | None = None
    recorded_from: Moment | None = None


class LeaseRequest(Body):
    """How many commits at most, for how long they are leased, and how long to wait for the first event."""

    limit: Annotated[int, Field(ge=1, le=500, strict=True)] = 100
    seconds: Seconds = 60
    wait: Annotated[int, Field(ge=0, le=LONGEST_WAIT, strict=True)] = 0


class ProgressRequest(Body):
    """What was handled under a lease; `extend` keeps it for so many seconds more, else it ends."""

    lease: Lease
    cursor: Cursor | None = None
    extend: Seconds | None = None


def consumer_name(request: web.Request) -> str:
    """Read the name of a consumer from the path."""
    name: str = parse_one(ConsumerName, request.match_info["consumer"], "path", "consumer")
    return name
