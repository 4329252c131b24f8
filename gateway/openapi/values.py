"""Kinds of values in answers, as the OpenAPI document describes them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import WithJsonSchema

COMPONENT: Final = "x-component"
"""Stands for a reference to a schema of the document that no type describes; `schema_of` resolves it."""

Uuid = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Url = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Hash = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})]
Free = Annotated[Mapping[str, Any], WithJsonSchema({"type": "object", "additionalProperties": True})]
"""An object whose members are not of this API: metadata of clients, data of events, views of the audit."""

VisibleEvent = Annotated[Mapping[str, Any], WithJsonSchema({COMPONENT: "VisibleEvent"})]
FeedEvent = Annotated[Mapping[str, Any], WithJsonSchema({COMPONENT: "FeedEvent"})]
LogEvent = Annotated[Mapping[str, Any], WithJsonSchema({COMPONENT: "LogEvent"})]
