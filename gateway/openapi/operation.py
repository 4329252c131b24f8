"""One operation of the API: a method of a path, as the OpenAPI document describes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel

Caller = Literal[
    "public", "account", "submission", "end_user", "developer", "operator", "auditor", "program", "ticket",
    "link",
]  # fmt: skip
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """`body` and `query` are what is read; `answer` names a schema of the document, or a media type."""

    method: Literal["get", "post", "put", "patch", "delete"]
    path: str
    summary: str
    caller: Caller
    status: int = 200
    body: type[BaseModel] | Schema | None = None
    query: type[BaseModel] | Sequence[str] = ()
    answer: str = "Object"
    optional_body: bool = False
    headers: Sequence[str] = ()
    also: Mapping[int, str] = field(default_factory=dict)


get = partial(Operation, "get")
post = partial(Operation, "post")
put = partial(Operation, "put")
patch = partial(Operation, "patch")
delete = partial(Operation, "delete")
