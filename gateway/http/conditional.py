"""What a client has already, and which part of a picture it wants (RFC 9110, sections 13 and 14)."""

import re
from typing import Final

from aiohttp import web

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,12})-(\d{0,12})", re.ASCII)


def unchanged(request: web.Request, etag: str) -> bool:
    """Tell whether the client has what `etag`, quoted, names: any, or one of a list, compared weakly."""
    known = ",".join(request.headers.getall("If-None-Match", ())).strip()
    return known == "*" or etag in _TAG.findall(known)


def asked_part(request: web.Request, size: int, etag: str) -> tuple[int, int] | None:
    """Read the first and last byte that are asked for; None for all of `size`.

    Only one range of bytes is served in parts, and only to GET; several, or what is no range, are answered
    whole. Raises HTTPRequestRangeNotSatisfiable for a range behind the end.
    """
    wanted = _ONE_RANGE.fullmatch(request.headers.get("Range", "")) if request.method == "GET" else None
    if wanted is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = wanted.groups()
    if not (first or last) or (first and last and int(last) < int(first)):
        return None  # no valid range: as if there were none
    start = int(first) if first else max(0, size - int(last))
    if start >= size:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return start, min(int(last), size - 1) if first and last else size - 1
