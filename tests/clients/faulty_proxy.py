"""A proxy that injects faults on real sockets."""

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
class Fault:
    """A fault for the next request whose first line contains `where`.

    `instead`: this response is sent and the server gets no request. Otherwise the connection is cut after
    `after` bytes of the server's response; 0 loses all of it.
    """

    where: str
    instead: bytes | None = None
    after: int = 0


def response(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    """Write a response; underscores in header names stand for hyphens."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nConnection: close\r\n{named}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class FaultyProxy:
    """Forwards requests, one a connection, and keeps them with the bytes of their responses."""

    to: str
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[bytes] = field(default_factory=list)
    responses: list[bytes] = field(default_factory=list)

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

    def inject(self, where: str, *, instead: bytes | None = None, after: int = 0) -> None:
        self.faults.append(Fault(where, instead, after))

    def heads(self, where: str) -> list[bytes]:
        """The heads of all requests whose first line contains `where`."""
        heads = [request.partition(b"\r\n\r\n")[0] for request in self.requests]
        return [head for head in heads if where.encode() in head.partition(b"\r\n")[0]]

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy.forward(self.request)

        return Handler

    def forward(self, client: socket.socket) -> None:
        request = _read_request(client)
        if not request:
            return
        self.requests.append(request)
        fault = self._fault(request)
        if fault is not None and fault.instead is not None:
            client.sendall(fault.instead)
            return
        with socket.create_connection(self._address) as server:
            server.sendall(re.sub(rb"(?i)connection: keep-alive", b"Connection: close", request, count=1))
            self._return(server, client, fault)

    def _return(self, server: socket.socket, client: socket.socket, fault: Fault | None) -> None:
        received = b""
        while piece := server.recv(65536):
            received += piece
            if fault is not None and len(received) > fault.after:
                client.sendall(piece[: max(0, fault.after - (len(received) - len(piece)))])
                break
            try:
                client.sendall(piece)
            except OSError:
                break
        self.responses.append(received)

    def _fault(self, request: bytes) -> Fault | None:
        if self.faults and self.faults[0].where.encode() in request.partition(b"\r\n")[0]:
            return self.faults.popleft()
        return None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


def _read_request(client: socket.socket) -> bytes:
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
