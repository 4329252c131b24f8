from collections.abc import Mapping

import dramatiq

from actors.broker import EventActor, broker
from actors.cause import cause_of
from domain.accounts.tiers import Tier, tier_of
from domain.errors import LimitError, TierError
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from events.envelope import Cause, RecordedEvent
from events.quota import QuotaReserved
from store.generations.generations import Generations
from store.quota.admission import Admission
from store.quota.ledger import Account, Bounds

NAME = "quota"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(
    event: RecordedEvent, *, generations: Generations, admission: Admission, tiers: Mapping[str, Tier]
) -> None:
    """Record the held unit of a validated generation; settle the quota of a final one."""
    generation = await generations.load(id_of(event.stream))
    if generation is None:
        return
    cause = cause_of(NAME, event)
    if generation.final:
        await admission.settle(generation)
        await generations.decide(generation.id, decisions.settle_quota, cause=cause, known=generation)
    elif generation.state is State.VALIDATED:
        bounds = _bounds(generation.request.tier, tiers)
        await _reserve(generation, bounds, cause, generations=generations, admission=admission)


async def _reserve(
    generation: Generation, bounds: Bounds, cause: Cause, *, generations: Generations, admission: Admission
) -> None:
    account = await admission.account(generation.request.owner.developer)
    if not account.holds(generation.id):
        retaken = await _retake(generation.id, bounds, generations=generations, admission=admission)
        if retaken is None:
            await generations.decide(generation.id, decisions.deny, cause=cause)
            return
        account = retaken
    reserved = _reserved(generation, account, bounds)
    decided = await generations.decide(
        generation.id, lambda g: decisions.reserve(g, reserved), cause=cause, known=generation
    )
    if decided is not None and decided.generation.final:
        await admission.settle(decided.generation)


async def _retake(
    generation_id: str, bounds: Bounds, *, generations: Generations, admission: Admission
) -> Account | None:
    """Hold again what a sweep released before the stream existed; None when no unit is left.

    Loaded after the account was read: a generation that is not final by then was not settled, so its hold is
    certainly lost.
    """
    generation = await generations.load(generation_id)
    if generation is None or generation.state is not State.VALIDATED:
        return Account()
    request = generation.request
    try:
        return await admission.hold(request.owner.developer, generation_id, period=request.period, bounds=bounds)
    except LimitError:
        return None


def _reserved(generation: Generation, account: Account, bounds: Bounds) -> QuotaReserved:
    period, slot = generation.request.period, account.slot_of(generation.id)
    return QuotaReserved(
        period=period,
        used=account.used_in(period),
        limit=bounds.monthly,
        slots=len(account.slots),
        slot_limit=bounds.concurrent,
        hold=slot.hold if slot else None,
    )


def _bounds(tier: str, tiers: Mapping[str, Tier]) -> Bounds:
    """Read the limits of the tier at admission; a tier that is configured no more has none."""
    try:
        limits = tier_of(tier, tiers)
    except TierError:
        return Bounds(monthly=None, concurrent=None)
    return Bounds(monthly=limits.monthly, concurrent=limits.concurrent)
