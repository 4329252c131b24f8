"""A way to a server on which accidents happen as a test wants them: real sockets, real bytes."""

import re
import socket
import socketserver
import threading
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Accident:
    """What happens to the next request whose first line holds `where`.

    `instead`: this is answered and the server never hears of it. `after` bytes of its answer the connection
    is cut; 0: the server has worked, and nobody hears of it.
    """

    where: str
    instead: bytes | None = None
    after: int = 0


def answer(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    """Write an answer; underscores in header names stand for hyphens."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nConnection: close\r\n{named}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Passage:
    """Passes requests on, one a connection, and notes them with the bytes that came back."""

    to: str
    accidents: deque[Accident] = field(default_factory=deque)
    requests: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        target = urlsplit(self.to)
        self._address = (target.hostname or "", target.port or 0)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def happen(self, where: str, *, instead: bytes | None = None, after: int = 0) -> None:
        self.accidents.append(Accident(where, instead, after))

    def seen(self, where: str) -> list[bytes]:
        """The heads of all requests whose first line holds this."""
        heads = [request.partition(b"\r\n\r\n")[0] for request in self.requests]
        return [head for head in heads if where.encode() in head.partition(b"\r\n")[0]]

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        passage = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                passage.pass_on(self.request)

        return Handler

    def pass_on(self, client: socket.socket) -> None:
        request = _whole(client)
        if not request:
            return
        self.requests.append(request)
        accident = self._accident(request)
        if accident is not None and accident.instead is not None:
            client.sendall(accident.instead)
            return
        with socket.create_connection(self._address) as server:
            server.sendall(re.sub(rb"(?i)connection: keep-alive", b"Connection: close", request, count=1))
            self._bring_back(server, client, accident)

    def _bring_back(self, server: socket.socket, client: socket.socket, accident: Accident | None) -> None:
        brought = b""
        while piece := server.recv(65536):
            brought += piece
            if accident is not None and len(brought) > accident.after:
                client.sendall(piece[: max(0, accident.after - (len(brought) - len(piece)))])
                break
            try:
                client.sendall(piece)
            except OSError:
                break
        self.answers.append(brought)

    def _accident(self, request: bytes) -> Accident | None:
        if self.accidents and self.accidents[0].where.encode() in request.partition(b"\r\n")[0]:
            return self.accidents.popleft()
        return None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


def _whole(client: socket.socket) -> bytes:
    """Read one request with its body."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = client.recv(65536)
        if not piece:
            return b""
        request += piece
    head, _, body = request.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    length = int(found[1]) if found else 0
    while len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body
