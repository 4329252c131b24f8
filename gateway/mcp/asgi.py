"""One request of aiohttp as an exchange with an ASGI application (HTTP part of ASGI 3.0)."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from aiohttp import web

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

_LOOK_AGAIN: Final = 0.5  # seconds between two looks at whether the client is still there
_OF_CONNECTION: Final = frozenset({"connection", "content-length", "transfer-encoding"})


async def respond(app: AsgiApp, request: web.Request, body: bytes) -> web.StreamResponse:
    """Let an ASGI application answer a request whose body was read."""
    exchange = _Exchange(request, body)
    await app(exchange.scope, exchange.receive, exchange.send)
    if exchange.response is None:
        raise RuntimeError("the ASGI application has not answered")
    return exchange.response


class _Exchange:
    """The three parts that an application is called with, and the response that it makes."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self._request = request
        self._body: bytes | None = body
        self._start: Message = {}
        self.response: web.StreamResponse | None = None

    @property
    def scope(self) -> Message:
        """Describe the request; `server` is the address at which it arrived."""
        request = self._request
        server = request.get_extra_info("sockname") or ("127.0.0.1", 80)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": request.path,
            "raw_path": request.raw_path.partition("?")[0].encode(),
            "query_string": request.query_string.encode(),
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.raw_headers],
            "server": tuple(server[:2]),
        }

    async def receive(self) -> Message:
        """Give the body, then wait until the client has disconnected."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while not self._disconnected:  # noqa: ASYNC110 - aiohttp tells nobody that a client has left
            await asyncio.sleep(_LOOK_AGAIN)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take the head or a part of the response; parts for a client that has left are dropped."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.response is None and not more:
            self.response = web.Response(status=self._start["status"], headers=self._headers(), body=body)
            return
        if self.response is None:
            self.response = web.StreamResponse(status=self._start["status"], headers=self._headers())
            await self.response.prepare(self._request)
        if not self._disconnected:
            await self.response.write(body)

    def _headers(self) -> list[tuple[str, str]]:
        written = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._start["headers"]]
        return [(name, value) for name, value in written if name.lower() not in _OF_CONNECTION]

    @property
    def _disconnected(self) -> bool:
        return self._request.transport is None or self._request.transport.is_closing()
