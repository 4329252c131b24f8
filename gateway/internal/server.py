"""The internal HTTP server of a process: probes, and whatever else `internal_routes` names."""

from collections.abc import Sequence

import structlog
from aiohttp import web

from gateway.internal.settings import InternalSettings

_STOP_SECONDS = 1.0

log = structlog.get_logger()


class InternalServer:
    """Serve the routes, if there is a port.

    It runs on the event loop of the process, so that a loop which does nothing any more does not answer.
    """

    def __init__(
        self, internal_settings: InternalSettings, internal_routes: Sequence[web.RouteDef], process_number: int
    ) -> None:
        app = web.Application()
        app.router.add_routes(internal_routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
        self._host = internal_settings.metrics_host
        self.port = internal_settings.port_of(process_number)

    async def start(self) -> None:
        """Listen; OSError when the port is not available."""
        if self.port is None:
            return
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self.port).start()
        log.info("internal_listening", host=self._host, port=self.port)

    async def close(self) -> None:
        """End all connections."""
        await self._runner.cleanup()
