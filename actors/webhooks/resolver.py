"""Address look-up and sockets that reach public addresses only.

The address is checked where the socket is made, so the checked address is the one that is connected to:
for a literal, for a name with one public and one private address, and for a name whose answers change.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from domain.webhooks.addresses import is_public

_LOOKUPS_AT_ONCE: Final = 128

Lookup = Callable[[str], Awaitable[Sequence[str]]]


class NotPublicError(OSError):
    """The connection would go to an address that webhooks may not reach."""


class SystemLookup:
    """Ask the system for addresses in own threads, so that a slow name server delays nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="webhook-dns")

    async def __call__(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Let the threads end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Resolver(AbstractResolver):
    """Resolve a name once, and refuse it if any of its addresses is not public."""

    def __init__(self, lookup: Lookup, *, public_only: bool) -> None:
        self._lookup = lookup
        self._public_only = public_only

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._lookup(host)
        if self._public_only and not all(map(is_public, addresses)):
            raise NotPublicError("a name with an address that is not public")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Hold no resources."""


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Make the socket of a connection; raises NotPublicError for an address that is not public."""
    family, kind, protocol, _, peer = address
    if not is_public(str(peer[0])):
        raise NotPublicError("an address that is not public")
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made
