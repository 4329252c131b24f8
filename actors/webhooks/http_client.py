"""Send one webhook message to a checked address, without redirects, proxies or cookies, in bounded time."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping
from typing import Final, Self

import aiohttp

from actors.webhooks.resolver import Lookup, NotPublicError, Resolver, SystemLookup, public_socket
from domain.webhooks.addresses import Destination, ForbiddenAddressError, destination_of
from domain.webhooks.delivery import AttemptError, ReceiverResponse
from store.crash_points import crash_point
from store.webhooks.settings import WebhookSettings

RESPONSE_START: Final = 1024
_BODY_SECONDS: Final = 2.0


class WebhookClient:
    """The HTTP client of receivers; open it with `async with`.

    Every attempt has its own connection: none is kept for a name that may resolve differently by then.
    """

    def __init__(self, webhook_settings: WebhookSettings, *, lookup: Lookup | None = None) -> None:
        self._settings = webhook_settings
        self._system = SystemLookup()
        self._lookup = lookup or self._system
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        self._sessions = {allowed: self._session(allowed=allowed) for allowed in (False, True)}
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()
        self._system.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverResponse:
        """Send one message and read the start of the response; never raises for what a receiver does."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            destination = destination_of(url, self._settings.allow)
            deadline = begun + self._settings.timeout_seconds
            status, start, retry_after = await self._exchange(destination, body, headers, deadline)
        except (OSError, ValueError, aiohttp.ClientError, TimeoutError) as error:
            return ReceiverResponse(None, _fault_of(error), _milliseconds(begun, clock()))
        return ReceiverResponse(status, None, _milliseconds(begun, clock()), start, retry_after)

    async def _exchange(
        self, destination: Destination, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> tuple[int, str, str | None]:
        session = self._sessions[destination.allowed]
        async with asyncio.timeout_at(deadline):
            response = await session.post(destination.url, data=body, headers=headers, allow_redirects=False)
        crash_point("delivery", "during_request")
        try:
            start = await _start_of(response, deadline)
        finally:
            response.close()
        return response.status, start, response.headers.get("Retry-After")

    def _session(self, *, allowed: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=Resolver(self._lookup, public_only=not allowed),
            use_dns_cache=False,
            force_close=True,
            limit=0,
            ssl=True,
            socket_factory=None if allowed else public_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding",),
            timeout=aiohttp.ClientTimeout(total=None),
        )


async def _start_of(response: aiohttp.ClientResponse, deadline: float) -> str:
    """Read the start of a response body as text; a slow body is cut off and no failure."""
    start = bytearray()
    soon = asyncio.get_running_loop().time() + _BODY_SECONDS
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout_at(min(deadline, soon)):
            while chunk := await response.content.read(RESPONSE_START - len(start)):
                start += chunk
    return start.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _fault_of(error: BaseException) -> AttemptError:
    """Return the code of a fault; its causes count too, because aiohttp wraps them."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and inner not in chain:
        chain.append(inner)
    for kinds, fault in _FAULTS:
        if any(isinstance(link, kinds) for link in chain):
            return fault
    return "protocol"


_FAULTS: tuple[tuple[tuple[type[BaseException], ...], AttemptError], ...] = (
    ((NotPublicError, ForbiddenAddressError, aiohttp.InvalidURL), "forbidden"),
    ((socket.gaierror,), "dns"),
    ((ssl.SSLError, ssl.CertificateError), "tls"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorError, ConnectionError, aiohttp.ServerDisconnectedError), "connection"),
    ((aiohttp.ClientOSError, OSError), "connection"),
)


def _milliseconds(begun: float, ended: float) -> int:
    return round((ended - begun) * 1000)
