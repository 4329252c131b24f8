"""Address look-up and sockets that reach public addresses only.

The address is checked where the socket is made, so the checked address is the one that is connected to:
for a literal, for a name with one public and one private address, and for a name whose answers change.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakValueDictionary

from aiohttp.abc import AbstractResolver, ResolveResult

from domain.webhooks.addresses import is_public

_LOOKUPS_AT_ONCE: Final = 128
_LOOKUPS_OF_ONE: Final = _LOOKUPS_AT_ONCE // 4
_LOOKUPS_OF_USER: Final = _LOOKUPS_OF_ONE * 3 // 4

developer: Final = ContextVar("webhook_developer", default="")
"""Whose webhook is sent in this task."""

user: Final = ContextVar("webhook_user", default="")
"""The end user whose generation the webhook is about; empty where there is none."""

Lookup = Callable[[str], Awaitable[Sequence[str]]]


class NotPublicError(OSError):
    """The connection would go to an address that webhooks may not reach."""


class SystemLookup:
    """Ask the system for addresses in own threads, so that a slow name server delays nothing else.

    A thread stays busy after the attempt that it works for has timed out. No developer has more than a quarter of the
    threads, and none of their end users more than three quarters of that; further look-ups of theirs wait.
    """

    def __init__(self, resolve: Callable[..., Sequence[Any]] = socket.getaddrinfo) -> None:
        self._resolve = resolve
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="webhook-dns")
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, host: str) -> Sequence[str]:
        loop, taken = asyncio.get_running_loop(), await self._take()
        looking = self._threads.submit(self._resolve, host, None, type=socket.SOCK_STREAM)

        def give_back(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(taken.close)

        looking.add_done_callback(give_back)
        found = await asyncio.wrap_future(looking)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def _take(self) -> ExitStack:
        """Take one of the look-ups of the user and of the developer; closing what is returned gives them back."""
        shares = [self._share_of(developer.get(), _LOOKUPS_OF_ONE)]
        if user.get():
            shares.insert(0, self._share_of(f"user {user.get()}", _LOOKUPS_OF_USER))
        with ExitStack() as stack:
            for share in shares:
                await share.acquire()
                stack.callback(share.release)
            return stack.pop_all()

    def _share_of(self, name: str, most: int) -> asyncio.Semaphore:
        return self._shares.setdefault(name, asyncio.Semaphore(most))

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
