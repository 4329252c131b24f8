"""Bodies of the requests that register and change endpoints."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from domain.webhooks.addresses import LONGEST_URL
from gateway.accounts.requests import Description

Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
EventTypes = Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(min_length=1, max_length=32)]


class EndpointCreateRequest(BaseModel):
    url: Url
    event_types: EventTypes | None = None
    description: Description | None = None


class EndpointUpdateRequest(BaseModel):
    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    enabled: bool | None = None
