"""Send one webhook: to a checked address, once, without redirects, proxies or cookies, for a bounded time.

The address is checked where the socket is made, so what is checked is what is dialled: a literal, a name
with one public and one private address, or a name that answers differently each time it is asked.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from domain.webhooks.addresses import Destination, ForbiddenAddressError, destination_of, is_public
from domain.webhooks.delivery import Answer, Code
from domain.webhooks.settings import WebhookSettings

START_OF_ANSWER: Final = 1024
_LOOK_UPS_AT_ONCE: Final = 128
_BODY_SECONDS: Final = 2.0

Lookup = Callable[[str], Awaitable[Sequence[str]]]


class Dial(Protocol):
    """What sending needs: one POST, whose every fault is an answer."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer: ...


class _NotPublicError(OSError):
    """The socket would go where webhooks may not go."""


class SystemLookup:
    """Ask the system for addresses, in threads of our own: a slow name server holds up only these."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOK_UPS_AT_ONCE, thread_name_prefix="webhook-dns")

    async def __call__(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Let the threads end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Resolver(AbstractResolver):
    """Resolve a name once and refuse it whole if any of its addresses is not public."""

    def __init__(self, lookup: Lookup, *, public_only: bool) -> None:
        self._lookup = lookup
        self._public_only = public_only

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._lookup(host)
        if self._public_only and not all(map(is_public, addresses)):
            raise _NotPublicError("a name with an address that is not public")
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
        """Hold nothing."""


class Dialler:
    """The client of receivers; open it with `async with`.

    Every attempt has a connection of its own: none is kept for a name that may mean something else by then.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._system = SystemLookup()
        self._lookup = lookup or self._system
        self._tls = tls
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        self._sessions = {allowed: self._session(allowed=allowed) for allowed in (False, True)}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()
        self._system.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one message and read the start of the answer; never raises for what a receiver does."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            destination = destination_of(url, self._settings.allow)
            deadline = begun + self._settings.timeout_seconds
            status, start, retry_after = await self._exchange(destination, body, headers, deadline)
        except (OSError, ValueError, aiohttp.ClientError, TimeoutError) as error:
            return Answer(None, _code_of(error), _milliseconds(begun, clock()))
        return Answer(status, None, _milliseconds(begun, clock()), start, retry_after)

    async def _exchange(
        self, destination: Destination, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> tuple[int, str, str | None]:
        session = self._sessions[destination.allowed]
        async with asyncio.timeout_at(deadline):
            response = await session.post(destination.url, data=body, headers=headers, allow_redirects=False)
        try:
            start = await _start_of(response, deadline)
        finally:
            response.close()
        return response.status, start, response.headers.get("Retry-After")

    def _session(self, *, allowed: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._lookup, public_only=not allowed),
            use_dns_cache=False,
            force_close=True,
            limit=0,
            ssl=self._tls or True,
            socket_factory=_any_socket if allowed else _public_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding",),
            timeout=aiohttp.ClientTimeout(total=None),
        )


def _any_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol = address[:3]
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Make the socket of a connection, unless it would go to an address that is not public."""
    if not is_public(str(address[4][0])):
        raise _NotPublicError("an address that is not public")
    return _any_socket(address)


async def _start_of(response: aiohttp.ClientResponse, deadline: float) -> str:
    """Read the start of an answer as text; what does not come soon is not worth a failure."""
    start = bytearray()
    soon = asyncio.get_running_loop().time() + _BODY_SECONDS
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout_at(min(deadline, soon)):
            while chunk := await response.content.read(START_OF_ANSWER - len(start)):
                start += chunk
    return start.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _code_of(error: BaseException) -> Code:
    """Name a fault; causes are looked at too, because aiohttp wraps them."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and inner not in chain:
        chain.append(inner)
    for kinds, code in _CODES:
        if any(isinstance(link, kinds) for link in chain):
            return code
    return "protocol"


_CODES: tuple[tuple[tuple[type[BaseException], ...], Code], ...] = (
    ((_NotPublicError, ForbiddenAddressError, aiohttp.InvalidURL), "forbidden"),
    ((socket.gaierror,), "dns"),
    ((ssl.SSLError, ssl.CertificateError), "tls"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorError, ConnectionError, aiohttp.ServerDisconnectedError), "connection"),
    ((aiohttp.ClientOSError, OSError), "connection"),
)


def _milliseconds(begun: float, ended: float) -> int:
    return round((ended - begun) * 1000)
