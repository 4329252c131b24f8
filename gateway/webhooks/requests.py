"""Bodies of the requests that register and change endpoints."""

from typing import Annotated

from pydantic import Field, StringConstraints

from domain.webhooks.addresses import LONGEST_URL
from gateway.accounts.requests import Description
from gateway.http.parsing import Body

Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
EventTypes = Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(min_length=1, max_length=32)]


class EndpointCreateRequest(Body):
    url: Url
    event_types: EventTypes | None = None
    description: Description | None = None


class EndpointUpdateRequest(Body):
    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    enabled: bool | None = None
