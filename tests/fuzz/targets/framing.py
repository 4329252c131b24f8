"""Raw HTTP/1.1 whose request line, headers and lengths are spoilt, on connections of their own."""

import re
import socket
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tests.fuzz.mutation import spoilt_bytes
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_LAST: Final = b"\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_SAMPLES: Final = (
    b"GET /health HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"GET /api/v1/generation/generations-v2?page=1&limit=%41 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n",
    b"OPTIONS /api/v1/usage HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    b"HEAD /openapi.json HTTP/1.0\r\nIf-None-Match: *\r\ntraceparent: 00-a-b-01\r\n\r\n",
)
_TOKENS: Final = (
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\r\n ", b"\x80", b"%zz", b"%ff", b"//", b"..", b"?", b"#"),
    *(b"HTTP/2.0", b"HTTP/9.9", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"http://b/"),
    *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Content-Encoding: gzip\r\n"),
    *(
        b"Expect: 100-continue\r\n",
        b"Upgrade: websocket\r\nConnection: upgrade\r\n",
        b"Host: b\r\n",
        b"ffffffffffffffff\r\n",
    ),
    *(
        b"X: " + b"a" * 9000 + b"\r\n",
        b"X: y\r\n" * 200,
        b"Range: bytes=0-,1-\r\n",
        b"Cookie: " + b"a=b;" * 500 + b"\r\n",
    ),
)
_STATUS: Final = re.compile(rb"\AHTTP/1\.[01] (\d{3}) ")
_SILENCE_S: Final = 0.25
"""A request that is not complete gets no answer before its time-out, which tests/gateway/submissions holds."""


def check(service: Service, raw: bytes) -> None:
    with service.one_input():
        answer = _exchange(urlsplit(service.api.base_url), raw + _LAST)
    status = _STATUS.match(answer)
    assert status or not answer, answer[:200]
    assert status is None or int(status[1]) < 500, answer[:500]


def _exchange(gateway: SplitResult, raw: bytes) -> bytes:
    """Send bytes; return what comes before a silence or the end of the connection."""
    received = b""
    address = gateway.hostname, gateway.port
    with socket.create_connection(address, timeout=_SILENCE_S) as connection, suppress(OSError):
        connection.sendall(raw)
        while piece := connection.recv(65_536):
            received += piece
    return received


FRAMING: Final = Target("framing", 6, every(spoilt_bytes(_SAMPLES, _TOKENS), check))
