"""A connection that breaks before a request arrives, or before its answer does."""

import asyncio
from contextlib import suppress

import bson

_REPLY_TO = slice(4, 8)  # the id of a request is what its answer replies to
_OP_MSG = 2013


class LossyProxy:
    """A proxy to the server that loses the next requests of one command, or the answers to them.

    With `code`, an answer is replaced by an error of the server.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.command = b"\x02insert\x00"
        self.lose_requests = 0
        self.lose_answers = 0
        self.code: int | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await _message(reader)
                lossy = self.command in request
                if lossy and self.lose_requests:
                    self.lose_requests -= 1
                    break
                back.write(request)
                answer = await _message(there)
                if lossy and self.lose_answers:
                    self.lose_answers -= 1
                    if self.code is None:
                        break
                    answer = _error(request, self.code)
                writer.write(answer)
        back.close()
        writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    size = await reader.readexactly(4)
    return size + await reader.readexactly(int.from_bytes(size, "little") - 4)


def _error(request: bytes, code: int) -> bytes:
    """Make the answer of a server that reports an error."""
    document = bson.encode({"ok": 0.0, "code": code, "errmsg": "interrupted"})
    body = bytes(4) + request[_REPLY_TO] + _OP_MSG.to_bytes(4, "little") + bytes(5) + document
    return (len(body) + 4).to_bytes(4, "little") + body
