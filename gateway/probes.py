"""Whether a process lives and whether it can work: for orchestrators and load balancers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, NotRequired

from aiohttp import web
from typing_extensions import TypedDict

from domain.health import Part, Phase, all_work, phase_part
from gateway.openapi.operation import Operation, get

Check = Callable[[], Awaitable[Part]]


class PartHealth(TypedDict):
    """A part that a process needs: why it does not work, and what to do."""

    status: Literal["healthy", "unknown", "unhealthy"]
    reason: NotRequired[str]
    action: NotRequired[str]


class Liveness(TypedDict):
    """Whether a process lives: one that does not is to be restarted."""

    status: Literal["live", "not_live"]
    parts: Mapping[str, PartHealth]


class Readiness(TypedDict):
    """Whether a process can do its work."""

    status: Literal["ready", "not_ready"]
    parts: Mapping[str, PartHealth]


class Probes:
    """Judge this process by the checks that its kind names, which are asked while it runs."""

    def __init__(self, live_checks: Sequence[str], ready_checks: Sequence[str], dependency: Callable[[str], Any]):
        self._live, self._ready, self._dependency = live_checks, ready_checks, dependency
        self.phase = Phase.RUNNING

    async def live(self) -> Liveness:
        """Describe the parts without which only a restart helps."""
        parts = await self._judged(self._live)
        return {"status": "live" if all_work(parts) else "not_live", "parts": bodies_of(parts)}

    async def ready(self) -> Readiness:
        """Describe the process and the parts that it needs for its work."""
        parts = [phase_part(self.phase), *await self._judged(self._ready)]
        return {"status": "ready" if all_work(parts) else "not_ready", "parts": bodies_of(parts)}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Say that the process has started, inside the block, and that it stops, after it."""
        self.phase = Phase.RUNNING
        try:
            yield
        finally:
            self.phase = Phase.STOPPING

    async def _judged(self, names: Sequence[str]) -> Sequence[Part]:
        if self.phase is not Phase.RUNNING:  # what it needs is not open yet, or not any more
            return ()
        checks: list[Check] = [self._dependency(name) for name in names]
        return await asyncio.gather(*(check() for check in checks))


def _probe(path: str, answer: type, failed: str) -> Operation:
    """Describe a probe, which is answered in the same form when it fails."""
    return get(path, "public", answer=answer, also={503: failed}, also_answers={503: answer})


class ProbeRoutes:
    """Answer probes: 200, or 503 with the part at fault."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes

    @_probe("/health/live", Liveness, "The process is to be restarted")
    async def live(self, _: web.Request) -> web.Response:
        """Read whether this process lives: it answers, and its work gets on."""
        body = await self._probes.live()
        return _response(body, works=body["status"] == "live")

    @_probe("/health/ready", Readiness, "The process is not ready")
    async def ready(self, _: web.Request) -> web.Response:
        """Read whether this process can do its work; what merely delays work is not held against it."""
        body = await self._probes.ready()
        return _response(body, works=body["status"] == "ready")


def _response(body: Mapping[str, Any], *, works: bool) -> web.Response:
    return web.json_response(body, status=200 if works else 503, headers={"Cache-Control": "no-store"})


def bodies_of(parts: Sequence[Part]) -> dict[str, PartHealth]:
    """Write parts by their names."""
    return {part.name: _body(part) for part in parts}


def _body(part: Part) -> PartHealth:
    body: PartHealth = {"status": part.state}
    if part.reason is not None:
        body["reason"] = part.reason
    if part.action is not None:
        body["action"] = part.action
    return body
