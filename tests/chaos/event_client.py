import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import aiohttp

from events.catalogue import CATALOGUE
from tests.systems.tenants import ONE, Tenant
from tests.systems.waiting import until

_PAUSE_S = 0.2
# A stream says something every 15 s, or it is dead.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=20)

Event = tuple[int, str]
"""Version and type."""


class EventClient:
    """A client that keeps the event stream of one generation open, whatever breaks, as browsers do.

    `tenant` returns the tenant with the present token; `log_in` gets another token for one that was refused.
    """

    def __init__(
        self, tenant: Callable[[], Tenant], log_in: Callable[[Tenant], Awaitable[None]], generation: str
    ) -> None:
        self._tenant, self._log_in, self._generation = tenant, log_in, generation
        self.received: list[Event] = []
        self.connections = 0
        self._task = asyncio.create_task(self._run())

    async def complete(self, expected: list[Event], *, within: float) -> None:
        """Check that it received exactly these events, once and in order."""
        await until(self._task.done, f"{self._generation}: {self.received} of {expected}", within=within)
        self._task.result()
        assert self.received == expected, f"{self._generation}: a stream sent {self.received} and not {expected}"

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    @property
    def _final(self) -> bool:
        return bool(self.received) and self.received[-1][1] in CATALOGUE.final

    async def _run(self) -> None:
        while not self._final:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                await self._connect()
            await asyncio.sleep(_PAUSE_S)

    async def _connect(self) -> None:
        tenant, after = self._tenant(), self.received[-1][0] if self.received else 0
        headers = {
            "Accept": "text/event-stream",
            "Authorization": tenant.headers["Authorization"],
            "Last-Event-ID": str(after),
        }
        url = f"{tenant.base_url}{ONE}/{self._generation}/events"
        async with tenant.session.get(url, headers=headers, timeout=_TIMEOUT) as answer:
            if answer.status == 200:
                self.connections += 1
                async for event in _events(answer.content):
                    self.received.append(event)
        if answer.status == 401:
            await self._log_in(tenant)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """Yield the events of a stream that have an id; a frame that was cut off is none."""
    version, kind = "", ""
    async for raw in content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        match name:
            case "id":
                version = value
            case "event":
                kind = value
            case "" if version and kind.startswith("generation."):
                yield int(version), kind
        if not name:
            version, kind = "", ""
