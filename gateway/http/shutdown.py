"""End the connections of a stopping gateway: every request that arrived is answered, and no wait is unbounded."""

import asyncio
import select
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

import structlog
from aiohttp import web

from gateway.http.send_watch import reset

_IDLE_SECONDS: Final = 1.0  # requests on open connections are answered for so long
_UPLOADS: Final = 0.6  # of the time of the stop: bodies that have not arrived by then are refused
_POLL: Final = 0.05

log = structlog.get_logger()


async def end_connections(connections: Mapping[Any, asyncio.Transport], seconds: float) -> None:
    """End all connections (of GatewayConnection); what is still in progress after so many seconds is cut off."""
    now = asyncio.get_running_loop().time
    began = now()
    while connections and (passed := now() - began) < seconds:
        for connection in tuple(connections):
            if passed >= min(_IDLE_SECONDS, seconds / 2):
                connection.end_if_idle()
            if passed >= seconds * _UPLOADS:
                connection.refuse_body()
        await asyncio.sleep(_POLL)
    late = dict(connections)
    for connection, transport in late.items():
        connection.cancel()
        reset(transport)
    if late:
        log.info("connections_cut", connections=len(late))
        await asyncio.sleep(_POLL)


async def stop_listening(site: web.BaseSite, server: web.Server) -> None:
    """Close a listening socket; accept first what has connected, which the kernel would reset."""
    accepted = list(_waiting(site))
    await site.stop()
    for connection in accepted:
        await asyncio.get_running_loop().connect_accepted_socket(server, connection)


def has_input(transport: asyncio.Transport) -> bool:
    """Tell whether bytes, or the end, of a connection wait to be read."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), select.POLLIN)
    return bool(poll.poll(0))


def _waiting(site: web.BaseSite) -> Iterator[socket.socket]:
    listening: asyncio.Server | None = getattr(site, "_server", None)
    for shared in listening.sockets if listening is not None else ():
        with shared.dup() as listener:
            listener.setblocking(False)
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    break
                connection.setblocking(False)
                yield connection
