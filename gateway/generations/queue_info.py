"""The queue before one generation, and when it starts and ends, as its owner reads it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.accounts.slot_queue import in_turn
from domain.accounts.tiers import Tier
from domain.controls.controls import Control
from domain.generation.explanation import Ahead
from domain.generation.forecast import Forecast, forecast
from domain.generation.generation import Generation
from domain.generation.lifecycle import is_queued
from events.envelope import format_time
from gateway.generations import answers
from store.controls.current import CurrentControls
from store.generations.queue import Queue
from store.quota.admission import Admission
from store.quota.ledger import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfo:
    """Foretell generations from the queues that they wait in."""

    admission: Admission
    queue: Queue
    current_controls: CurrentControls
    provider_name: str
    tiers: Mapping[str, Tier]
    provider_paused: Callable[[], Awaitable[datetime | None]]
    clock: Callable[[], datetime]

    async def write(self, generation: Generation) -> answers.QueueInfo | None:
        """Write what is known of the queue; None for a final generation."""
        return None if generation.final else _written(await self._forecast(generation))

    async def ahead(self, generation: Generation) -> Ahead:
        """Count those before it: of its developer while it waits for a slot, else all that are in the same state."""
        if is_queued(generation):
            account = await self.admission.account(generation.request.owner.developer)
            if account.waits(generation.id):
                return Ahead(_position(account, generation))
        return await self.queue.ahead(generation)

    async def _forecast(self, generation: Generation) -> Forecast:
        durations = await self.admission.durations(generation.request.owner.developer)
        if generation.started_at is not None or generation.cancel_requested:
            return forecast(generation, now=self.clock(), durations=durations)
        # One after another: mostly all of it was read within the last second, and tasks cost more than such answers.
        ahead, slot_in = await self._wait(generation)
        paused, held_by = await self.provider_paused(), await self._held_by(generation)
        return forecast(
            generation,
            now=self.clock(),
            durations=durations,
            ahead=ahead,
            slot_in=slot_in,
            paused_until=paused,
            held_by=held_by,
        )

    async def _held_by(self, generation: Generation) -> list[Control]:
        owner, controls = generation.request.owner, await self.current_controls.get()
        return [one for one in controls.about(self.provider_name, owner.developer, owner.project) if one.holds]

    async def _wait(self, generation: Generation) -> tuple[Ahead, float]:
        """Count those before it, and estimate the seconds until it has a slot."""
        developer = generation.request.owner.developer
        account = await self.admission.account(developer) if is_queued(generation) else Account()
        if not account.waits(generation.id):
            return await self.queue.ahead(generation), 0.0
        position, tier = _position(account, generation), self.tiers.get(generation.request.tier)
        concurrent = tier.concurrent if tier else None
        return Ahead(position), await self.admission.seconds_to_slot(
            developer, account, ahead=position, concurrent=concurrent
        )


def _position(account: Account, generation: Generation) -> int:
    return [one.generation for one in in_turn(account.queue)].index(generation.id)


def _written(found: Forecast) -> answers.QueueInfo:
    return {
        "position": found.position.number if found.position else None,
        "position_is_exact": found.position.exact if found.position else None,
        "estimated_start": format_time(found.start) if found.start else None,
        "estimated_completion": format_time(found.completion) if found.completion else None,
        "basis": found.basis,
        "generations": found.generations,
        "possible": found.possible,
        "reason": found.reason,
    }
