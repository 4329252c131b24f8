"""Ids in paths and headers."""

import re

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError

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
