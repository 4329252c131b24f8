"""JSON bodies and queries, read as pydantic models."""

from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from domain.errors import ErrorCode, FieldError, FieldsError
from gateway.http.bodies import read_json_object

Model = TypeVar("Model", bound=BaseModel)


async def read_model(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body; FieldError or FieldsError name every wrong field."""
    return parse(model, await read_json_object(request), "body")


async def read_optional_model(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body that may be missing."""
    return await read_model(request, model) if request.can_read_body else model()


def read_query(request: web.Request, model: type[Model]) -> Model:
    """Read the query: unknown names are ignored, a known name may be given once."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given and name in model.model_fields:
            raise FieldError(ErrorCode.INVALID_REQUEST, ("query", name), "may be given once", "value_error")
        given[name] = value
    return parse(model, given, "query")


def parse(model: type[Model], values: Mapping[str, object], where: str) -> Model:
    """Validate values of the `body` or the `query`; FieldError or FieldsError name every wrong field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    wrong = [_field_error(detail, where) for detail in details]
    raise wrong[0] if len(wrong) == 1 else FieldsError(wrong)


def _field_error(wrong: ErrorDetails, where: str) -> FieldError:
    loc = (where, *(str(step) for step in wrong["loc"]))
    if wrong["type"] == "missing":
        return FieldError(ErrorCode.INVALID_REQUEST, loc, "field required", "value_error.missing")
    message = wrong["msg"].removeprefix("Value error, ")
    return FieldError(ErrorCode.INVALID_REQUEST, loc, message, wrong["type"])
