"""An HTTP server that answers a list of statuses, then as the server behind it does; 0 resets, -1 says nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

ERROR = "<Error><Code>{code}</Code><Message>no</Message></Error>"
CODES = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}


class FaultyHttp:
    """`statuses`: the answers to come; `requests`: how many there were."""

    def __init__(self, behind: str) -> None:
        self._behind, self.url = behind, ""
        self.statuses: list[int] = []
        self.requests = 0
        self.closing = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        status = self.statuses.pop(0) if self.statuses else None
        match status:
            case None:
                return await self._forward(request)
            case -1:
                await self.closing.wait()
            case 0:
                assert request.transport is not None
                request.transport.abort()
        return web.Response(status=status or 500, text=ERROR.format(code=CODES.get(status or 500, "Other")))

    async def _forward(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(self._behind, auto_decompress=False) as session,
            session.request(request.method, request.rel_url, headers=headers, data=await request.read()) as answer,
        ):
            kept = {name: answer.headers[name] for name in ("Content-Type", "ETag") if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@asynccontextmanager
async def opened_faulty_http(behind: str) -> AsyncIterator[FaultyHttp]:
    faulty, application = FaultyHttp(behind), web.Application(client_max_size=2**26)
    application.router.add_route("*", "/{path:.*}", faulty.handle)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [(_, port)] = runner.addresses
    faulty.url = f"http://127.0.0.1:{port}"
    try:
        yield faulty
    finally:
        faulty.closing.set()
        await runner.cleanup()
