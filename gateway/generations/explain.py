"""`GET .../{id}/explain`: why a generation is not finished yet."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.controls.controls import Control
from domain.generation.explanation import Explanation, explain
from domain.generation.generation import Generation, state_of
from domain.generation.lifecycle import Timeouts
from domain.paths import GENERATION
from events.envelope import format_time
from gateway.accounts.bodies import time_body
from gateway.generations import answers
from gateway.generations.access import GenerationAccess
from gateway.generations.queue_info import QueueInfo
from gateway.openapi.operation import get
from store.controls.current import CurrentControls
from store.generations.queue import Queue
from store.quota.admission import Admission

_SLOT_HOLDERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRoutes:
    """Explain the state of one generation of the caller."""

    generation_access: GenerationAccess
    admission: Admission
    queue: Queue
    current_controls: CurrentControls
    provider_name: str
    queue_info: QueueInfo
    timeouts: Timeouts
    clock: Callable[[], datetime]

    @get(f"{GENERATION}/explain", "end_user", answer=answers.GenerationExplanation)
    async def explain(self, request: web.Request) -> web.Response:
        """Explain why a generation is not finished."""
        generation = await self.generation_access.own(request)
        if generation.final:
            ahead, holders = None, list[str]()
        else:
            ahead, holders = await asyncio.gather(self.queue_info.ahead(generation), self._slot_holders(generation))
        held_by, controls = await self._controls(generation)
        found = explain(generation, now=self.clock(), timeouts=self.timeouts, ahead=ahead, held_by=held_by)
        body = _body(generation, found, holders, [_control(one) for one in controls])
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _controls(self, generation: Generation) -> tuple[Control | None, list[Control]]:
        """Return the control that holds the generation back, if any, and all that concern it while it runs."""
        if generation.final:
            return None, []
        owner, controls = generation.request.owner, await self.current_controls.get()
        concerned = (self.provider_name, owner.developer, owner.project)
        return controls.held_by(*concerned), controls.about(*concerned)

    async def _slot_holders(self, generation: Generation) -> list[str]:
        """Name the caller's own generations that hold slots now, at most 20."""
        owner = generation.request.owner
        account = await self.admission.account(owner.developer)
        held = [slot.generation for slot in account.slots if not account.waits(slot.generation)]
        own = list(await self.queue.own(owner.project, owner.user, held))[:_SLOT_HOLDERS]
        without_row = generation.id in held and generation.id not in own  # the row follows the log
        return [*own[: _SLOT_HOLDERS - 1], generation.id] if without_row else own


def _control(control: Control) -> answers.ConcernedControl:
    """Write what a tenant learns of a control: not the operator's reason."""
    return {
        "kind": control.kind,
        "holds": control.holds,
        "submissions": control.submissions,
        "since": format_time(control.since),
        "expected_end": time_body(control.expected_end),
        "limit": control.limit,
    }


def _body(
    generation: Generation,
    found: Explanation,
    holders: Sequence[str],
    controls: Sequence[answers.ConcernedControl],
) -> answers.GenerationExplanation:
    return {
        "id": generation.id,
        "status": generation.status,
        "state": state_of(generation),
        "reason": found.reason,
        "since": format_time(found.since),
        "waited_ms": found.waited_ms,
        "position": found.position.number if found.position else None,
        "position_is_exact": found.position.exact if found.position else None,
        "provider_since": time_body(found.provider_since),
        "next_try_at": time_body(found.next_try_at),
        "attempt": found.attempt,
        "percent": found.percent,
        "deadline": time_body(found.deadline),
        "sentence": found.sentence,
        "slot_holders": list(holders),
        "controls": controls,
    }
