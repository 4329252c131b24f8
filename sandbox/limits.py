"""The rate-limit headers of every response, and the check of the token.

The sandbox counts as Replicate does (600 creates and 3000 other requests a minute) but never refuses:
a 429 is an injected fault.
"""

import hmac
import time
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.account import ACCOUNT
from sandbox.problems import unauthenticated

_CREATES: Final = 600
_OTHERS: Final = 3000
_WINDOW: Final = 60.0


class Meter:
    """Counts the requests of one minute."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._since = float("-inf")
        self._count = 0

    def counted(self, now: float) -> dict[str, str]:
        """Count one request at `now` seconds and return its headers."""
        if now - self._since >= _WINDOW:
            self._since, self._count = now, 0
        self._count += 1
        left = max(0, self._limit - self._count)
        return {
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(max(1, round(self._since + _WINDOW - now))),
        }


CREATES: Final = web.AppKey("creates", Meter)
OTHERS: Final = web.AppKey("others", Meter)


def install(app: web.Application) -> None:
    app[CREATES], app[OTHERS] = Meter(_CREATES), Meter(_OTHERS)


@web.middleware
async def add_limit_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    answer = await handler(request)
    if request.path.startswith("/v1/") and not answer.prepared:
        creating = request.method == "POST" and request.path == "/v1/predictions"
        meter = request.app[CREATES if creating else OTHERS]
        for name, value in meter.counted(time.monotonic()).items():
            answer.headers.setdefault(name, value)
    return answer


@web.middleware
async def require_token(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests to the API without the token; output host and fault injection are open."""
    if request.path.startswith("/v1/"):
        expected = f"Bearer {request.app[ACCOUNT].settings.token}"
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode()):
            raise unauthenticated()
    return await handler(request)
