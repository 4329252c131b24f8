"""A response whose body is sent after its handler has returned."""

from collections.abc import Coroutine
from typing import Any

from aiohttp import web


class LateBodyResponse(web.StreamResponse):
    """Send the body when aiohttp ends the response, which is after the last middleware has returned.

    A stream that stays open for long keeps the frames of none of them.
    """

    _late_body: Coroutine[Any, Any, None] | None = None

    def followed_by(self, body: Coroutine[Any, Any, None]) -> "LateBodyResponse":
        """Return this response, which is prepared; `body` writes to it, and calls `write_eof` in the end."""
        self._late_body = body
        return self

    def write_eof(self, data: bytes = b"") -> Coroutine[Any, Any, None]:
        """Send the late body if there is one, else end the response."""
        body, self._late_body = self._late_body, None
        if body is None:
            return super().write_eof(data)
        self.headers.clear()  # a kilobyte that is sent
        return body
