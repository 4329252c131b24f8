"""The internal HTTP server of a process: metrics and probes, in threads of its own."""

import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final, NamedTuple

_CLIENT_SECONDS: Final = 5.0  # to send a request, and to take its answer


class Answer(NamedTuple):
    """A status and a body of a media type."""

    status: int
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[], Answer]]
"""What answers GET of each path; called in a thread, so that it answers while the event loop is busy."""


class InternalServer:
    """Serve pages from `start` to `close`."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        self._address, self._pages = (host, port), pages
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen; OSError when the port is not available."""
        self._server = _Server(self._address, self._pages)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="internal_server", daemon=True).start()

    def close(self) -> None:
        """Stop listening; a page that is being answered does not delay it."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], pages: Pages) -> None:
        self.pages = pages
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of a name that http.server makes, which may take long."""
        TCPServer.server_bind(self)


class _Handler(BaseHTTPRequestHandler):
    timeout = _CLIENT_SECONDS
    server: _Server

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        answer = Answer(404, "text/plain", b"not found\n") if page is None else page()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Log no requests."""
