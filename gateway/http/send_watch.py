"""Disconnect clients that read their responses too slowly, whatever they read."""

import asyncio
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

import structlog

from gateway.http.least_rate import LeastRate

_BYTES_ACKED: Final = 120  # offset of tcpi_bytes_acked in struct tcp_info (Linux 4.2)
_UNSENT_IN_KERNEL: Final = 256 * 1024

log = structlog.get_logger()


class _Sending(NamedTuple):
    rate: LeastRate
    acknowledged: int


class SendWatch:
    """Compare what clients acknowledge with `least_rate` while bytes for them wait in this process (Linux)."""

    def __init__(self, least_rate: int, window: float) -> None:
        self._least_rate = least_rate
        self._window = window
        self._sending: dict[asyncio.Transport, _Sending] = {}

    def check(self, transports: Iterable[asyncio.Transport], now: float) -> None:
        """Note the progress of all open connections, and abort those that are too slow."""
        if sys.platform != "linux":
            return
        waiting = [transport for transport in transports if transport.get_write_buffer_size()]
        self._sending = {transport: self._noted(transport, now) for transport in waiting}
        for transport, sending in self._sending.items():
            if now > sending.rate.deadline:
                log.info("slow_client_disconnected", unsent=transport.get_write_buffer_size())
                reset(transport)

    def _noted(self, transport: asyncio.Transport, now: float) -> _Sending:
        acknowledged = _acknowledged(transport)
        before = self._sending.get(transport)
        if before is None:
            return _Sending(LeastRate(self._least_rate, self._window, now=now), acknowledged)
        before.rate.note(now, acknowledged - before.acknowledged)
        return _Sending(before.rate, acknowledged)


def limit_unsent(connection: socket.socket, seconds: float) -> None:
    """Limit what the kernel keeps for a peer that does not read (Linux).

    It accepts few bytes beyond those in flight, and closes a connection whose peer acknowledges none for so many
    seconds (RFC 5482).
    """
    if sys.platform == "linux" and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_IN_KERNEL)


def reset(transport: asyncio.Transport) -> None:
    """Close a connection at once, and let the kernel discard what was not sent."""
    connection = transport.get_extra_info("socket")
    if connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _acknowledged(transport: asyncio.Transport) -> int:
    """Return how many bytes the peer has acknowledged."""
    connection = transport.get_extra_info("socket")
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
    return int(struct.unpack_from("=Q", info, _BYTES_ACKED)[0])
