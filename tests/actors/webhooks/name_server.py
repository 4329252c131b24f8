"""A name server on UDP whose answers change, and the look-up that asks it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import cast

_ANSWER, _A, _IN = 0x8180, 1, 1


class NameServer(asyncio.DatagramProtocol):
    """Answers every query for an A record with the next set of addresses; repeats the last one."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers: Iterator[Sequence[str]] = iter(answers)
        self._last: Sequence[str] = ()
        self._transport: asyncio.DatagramTransport | None = None
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        self._last = next(self._answers, self._last)
        head = data[:2] + struct.pack(">HHHHH", _ANSWER, 1, len(self._last), 0, 0)
        records = [
            b"\xc0\x0c" + struct.pack(">HHIH", _A, _IN, 0, 4) + IPv4Address(address).packed for address in self._last
        ]
        assert self._transport is not None
        self._transport.sendto(head + data[12:] + b"".join(records), addr)


class NameServerLookup:
    """Ask the name server, as the system's resolver would."""

    def __init__(self, server: NameServer, port: int) -> None:
        self.server = server
        self._port = port

    async def __call__(self, host: str) -> Sequence[str]:
        name = b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\0"
        question = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", _A, _IN)
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            await loop.sock_sendall(sock, question)
            answer = await loop.sock_recv(sock, 512)
        count = struct.unpack(">H", answer[6:8])[0]
        records = answer[len(question) :]
        return [str(IPv4Address(records[n * 16 + 12 : n * 16 + 16])) for n in range(count)]


@asynccontextmanager
async def name_server(*answers: Sequence[str]) -> AsyncIterator[NameServerLookup]:
    """Run a name server that gives these answers one after the other."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: NameServer(answers), local_addr=("127.0.0.1", 0))
    try:
        yield NameServerLookup(server, transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
