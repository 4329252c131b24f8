"""`GET .../{id}/explain`: why a generation is not finished yet."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.explanation import explain
from domain.generation import state_of
from domain.lifecycle import Patience
from events.envelope import format_time
from gateway.generations.links import PREFIX
from gateway.generations.routes import GenerationRoutes


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRoutes:
    """What the route needs; `table` lists it."""

    owned: GenerationRoutes
    patience: Patience

    def table(self) -> list[web.RouteDef]:
        """List the route."""
        return [web.get(PREFIX + "/{generation_id}/explain", self.explain)]

    async def explain(self, request: web.Request) -> web.Response:
        """Answer the reason with its numbers, as of now."""
        generation = await self.owned.own(request)
        found = explain(generation, now=self.owned.clock(), patience=self.patience)
        body = {
            "id": generation.id,
            "status": generation.status,
            "state": state_of(generation),
            "reason": found.reason.value,
            "since": format_time(found.since),
            "waited_ms": found.waited_ms,
            "next_try_at": _time(found.next_try_at),
            "attempt": found.attempt,
            "percent": found.percent,
            "deadline": _time(found.deadline),
            "sentence": found.sentence,
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
