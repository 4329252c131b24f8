"""Whether a process lives and whether it can work: for orchestrators and load balancers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, NotRequired

from aiohttp import web
from typing_extensions import TypedDict

from domain.health import Part, Phase, all_work, phase_part
from gateway.openapi.operation import get

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
    """Judge this process by the checks that its kind names; until it runs, they are not asked."""

    def __init__(self, live_checks: Sequence[str], ready_checks: Sequence[str], dependency: Callable[[str], Any]):
        self._live, self._ready, self._dependency = live_checks, ready_checks, dependency
        self.phase = Phase.RUNNING

    async def live(self) -> Sequence[Part]:
        """Return the parts without which only a restart helps."""
        return await self._judged(self._live) if self.phase is Phase.RUNNING else ()

    async def ready(self) -> Sequence[Part]:
        """Return the process and the parts that it needs for its work."""
        checked = await self._judged(self._ready) if self.phase is Phase.RUNNING else ()
        return (phase_part(self.phase), *checked)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Say that the process has started, inside the block, and that it stops, after it."""
        self.phase = Phase.RUNNING
        try:
            yield
        finally:
            self.phase = Phase.STOPPING

    async def _judged(self, names: Sequence[str]) -> Sequence[Part]:
        checks: list[Check] = [self._dependency(name) for name in names]
        return await asyncio.gather(*(check() for check in checks))


class ProbeRoutes:
    """Answer probes: 200, or 503 with the part at fault."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes

    @get(
        "/health/live",
        "public",
        answer=Liveness,
        also={503: "The process is to be restarted"},
        also_answers={503: Liveness},
    )
    async def live(self, _: web.Request) -> web.Response:
        """Read whether this process lives: it answers, and its work gets on."""
        parts = await self._probes.live()
        lives = all_work(parts)
        body: Liveness = {"status": "live" if lives else "not_live", "parts": _bodies(parts)}
        return _answer(body, works=lives)

    @get(
        "/health/ready",
        "public",
        answer=Readiness,
        also={503: "The process is not ready"},
        also_answers={503: Readiness},
    )
    async def ready(self, _: web.Request) -> web.Response:
        """Read whether this process can do its work; what merely delays work is not held against it."""
        parts = await self._probes.ready()
        works = all_work(parts)
        body: Readiness = {"status": "ready" if works else "not_ready", "parts": _bodies(parts)}
        return _answer(body, works=works)


def _answer(body: Mapping[str, Any], *, works: bool) -> web.Response:
    return web.json_response(body, status=200 if works else 503, headers={"Cache-Control": "no-store"})


def _bodies(parts: Sequence[Part]) -> dict[str, PartHealth]:
    return {part.name: _body(part) for part in parts}


def _body(part: Part) -> PartHealth:
    body: PartHealth = {"status": part.state}
    if part.reason is not None:
        body["reason"] = part.reason
    if part.action is not None:
        body["action"] = part.action
    return body
