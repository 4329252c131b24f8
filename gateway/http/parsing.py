"""What requests hold: ids, the Accept header, and JSON bodies and queries as pydantic models."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from domain.errors import ErrorCode, ExemplarError, FieldError, FieldsError, invalid_field
from gateway.http.bodies import read_json_object
from gateway.http.texts import named

Model = TypeVar("Model", bound=BaseModel)
BodyModel = TypeVar("BodyModel", bound="Body")


class Body(BaseModel):
    """The JSON body of a request; a field that it does not know is refused: nobody expects it to do nothing."""

    model_config = ConfigDict(extra="forbid")


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def as_id(text: str) -> str | None:
    """Return a UUID in lower case; None when the text is none."""
    return text.lower() if _UUID.fullmatch(text) else None


def path_id(request: web.Request, name: str) -> str:
    """Read an id from the path; `not_found` when it is no UUID."""
    found = as_id(request.match_info[name])
    if found is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return found


async def read_model(request: web.Request, model: type[BodyModel]) -> BodyModel:
    """Read a JSON body; FieldError or FieldsError name every wrong field."""
    return parse(model, await read_json_object(request), "body")


async def read_optional_model(request: web.Request, model: type[BodyModel]) -> BodyModel:
    """Read a JSON body that may be missing."""
    return await read_model(request, model) if request.can_read_body else model()


def query_value(request: web.Request, name: str) -> str | None:
    """Read the first value of a query parameter; what is parsed does not stay with the request, as `query` does."""
    query = request.raw_path.partition("#")[0].partition("?")[2]
    return next((value for each, value in parse_qsl(query, keep_blank_values=True) if each == name), None)


def read_query(request: web.Request, model: type[Model]) -> Model:
    """Read the query: unknown names are ignored, a known name may be given once."""
    known = names_of(model)
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given and name in known:
            raise invalid_field("query", name, "may be given once")
        given[name] = value
    return parse(model, given, "query")


def names_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Name the fields of a model as requests do."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def parse(model: type[Model], values: Mapping[str, object], where: str) -> Model:
    """Validate values of the `body` or the `query`; FieldError or FieldsError name every wrong field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    wrong = [_field_error(detail, where, names_of(model)) for detail in details]
    raise wrong[0] if len(wrong) == 1 else FieldsError(wrong)


def parse_one(kind: Any, value: object, where: str, name: str) -> Any:
    """Validate one value of an annotated type; FieldError when it is wrong."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    raise _field_error({**detail, "loc": (name,)}, where)


def unknown_field(where: str, name: str, known: Iterable[str]) -> FieldError:
    """Build the error of a field that a request has and the operation does not."""
    return invalid_field(where, named(name), f"unknown field; known: {', '.join(known)}", "value_error.extra")


def require_known(fields: Iterable[str], known: Collection[str]) -> None:
    """Raise the error of the first field of a body that is not known."""
    for name in fields:
        if name not in known:
            raise unknown_field("body", name, known)


def _field_error(wrong: ErrorDetails, where: str, known: Iterable[str] = ()) -> FieldError:
    loc = (where, *(str(step) for step in wrong["loc"]))
    if wrong["type"] == "extra_forbidden" and len(loc) == 2:
        return unknown_field(where, loc[1], known)
    if wrong["type"] == "missing":
        return FieldError(ErrorCode.INVALID_REQUEST, loc, "field required", "value_error.missing")
    message = wrong["msg"].removeprefix("Value error, ")
    return FieldError(ErrorCode.INVALID_REQUEST, loc, message, wrong["type"])


def media_weights(accept: str) -> dict[str, float]:
    """Read the media types of an Accept header (RFC 9110, 12.5.1), in lower case, with their weights.

    A malformed weight is 0.
    """
    return dict(map(_weighted, accept.lower().split(",")))


def _weighted(choice: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip() for part in choice.split(";"))
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return media_type, float(quality)
    except ValueError:
        return media_type, 0.0
