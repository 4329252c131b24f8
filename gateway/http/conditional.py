"""Conditional and range requests (RFC 9110, sections 13 and 14)."""

import re
from typing import Final

from aiohttp import web

UNCHANGED: Final = {304: "Not modified"}
"""The response to a request whose client has this version, for the API's description."""

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,12})-(\d{0,12})", re.ASCII)


def unchanged(request: web.Request, etag: str) -> bool:
    """Tell whether If-None-Match names the quoted `etag`, or any; compared weakly."""
    known = ",".join(request.headers.getall("If-None-Match", ())).strip()
    return known == "*" or etag in _TAG.findall(known)


def byte_range(request: web.Request, size: int, etag: str) -> tuple[int, int] | None:
    """Return the first and last byte that are requested; None for all of `size`.

    Only a GET for one range is served in part; several ranges, or a malformed one, get the whole. Raises
    HTTPRequestRangeNotSatisfiable for a range after the end.
    """
    wanted = _ONE_RANGE.fullmatch(request.headers.get("Range", "")) if request.method == "GET" else None
    if wanted is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = wanted.groups()
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    start = int(first) if first else max(0, size - int(last))
    if start >= size:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return start, min(int(last), size - 1) if first and last else size - 1
