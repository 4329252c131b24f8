import json
from typing import Any, NoReturn

from aiohttp import web

from sandbox.problems import ProblemError


async def json_body(request: web.Request) -> Any:
    """Return the request's JSON; raise ProblemError 400 for anything else, NaN and the like included."""
    try:
        return json.loads(await request.read(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ProblemError(400, "The request body is not valid JSON") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
