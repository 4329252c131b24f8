"""The sandbox as an application: an offline stand-in for Replicate's HTTP API."""

import asyncio
import random as random_module
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

import aiohttp
import structlog
from aiohttp import web

from sandbox import creating, fault_injection, limits, outputs, routes, uploads
from sandbox.account import ACCOUNT, Account
from sandbox.problems import answer_problems
from sandbox.settings import SandboxSettings

_LARGEST_BODY: Final = 32 * 1024 * 1024
_GRACE_SECONDS: Final = 0.2  # waited twice

log = structlog.get_logger()


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: SandboxSettings,
    *,
    clock: Callable[[], datetime] = _now,
    random: random_module.Random | None = None,
) -> web.Application:
    """Build the application; its state lives from start-up to clean-up.

    `clock` gives the times shown and compared, `random` the ids and seeds; delays are real.
    """
    app = web.Application(
        client_max_size=_LARGEST_BODY,
        middlewares=[limits.add_limit_headers, answer_problems, limits.require_token],
    )
    limits.install(app)
    _add_routes(app)
    rng = random_module.SystemRandom() if random is None else random

    async def account(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(headers={"User-Agent": "Replicate/sandbox"}) as session:
            app[ACCOUNT] = Account(settings, session=session, clock=clock, rng=rng)
            await app[ACCOUNT].open()
            yield
            await app[ACCOUNT].close()

    async def add_date(_: web.Request, answer: web.StreamResponse) -> None:
        answer.headers["Date"] = format_datetime(clock(), usegmt=True)

    app.cleanup_ctx.append(account)
    app.on_response_prepare.append(add_date)
    return app


def _add_routes(app: web.Application) -> None:
    add = app.router
    add.add_post("/v1/predictions", creating.create)
    add.add_get("/v1/predictions", routes.list_predictions)
    add.add_get("/v1/predictions/{id}", routes.show)
    add.add_post("/v1/predictions/{id}/cancel", routes.cancel)
    add.add_get("/v1/models/{owner}/{name}", routes.show_model)
    add.add_get("/v1/models/{owner}/{name}/versions", routes.list_versions)
    add.add_get("/v1/models/{owner}/{name}/versions/{id}", routes.show_version)
    add.add_post("/v1/files", uploads.create)
    add.add_get("/v1/files", uploads.list_all)
    add.add_get("/v1/files/{id}", uploads.show)
    add.add_delete("/v1/files/{id}", uploads.delete)
    add.add_get("/v1/files/{id}/download", uploads.download)
    add.add_get("/v1/account", routes.show_account)
    add.add_get("/v1/webhooks/default/secret", routes.secret)
    add.add_get(r"/files/out/{id}/out-{index:\d{1,2}}.png", outputs.download)
    add.add_get("/p/{id}", outputs.page)
    add.add_post("/_sandbox/faults", fault_injection.arm)
    add.add_get("/_sandbox/faults", fault_injection.show)
    add.add_get("/_sandbox/creations", fault_injection.creations)
    add.add_get("/_sandbox/requests", fault_injection.requests)
    add.add_get("/_sandbox/callbacks", fault_injection.callbacks)
    add.add_get("/_sandbox/trap", outputs.trap)
    add.add_get("/_sandbox/trapped", fault_injection.trapped)


async def serve(settings: SandboxSettings) -> None:
    """Serve until cancelled; raise OSError when the address cannot be had."""
    runner = web.AppRunner(create_app(settings), access_log=None, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        log.info("sandbox_listening", addresses=runner.addresses)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def run(settings: SandboxSettings) -> None:
    """Serve until SIGTERM or SIGINT, then end within two seconds."""
    asyncio.run(_until_signal(settings))


async def _until_signal(settings: SandboxSettings) -> None:
    serving = asyncio.create_task(serve(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    await asyncio.wait({serving})
    if not serving.cancelled():
        serving.result()
