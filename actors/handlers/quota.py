"""Write the held unit into the log; when all is over, settle the ledger and say so."""

from actors.hands import Hands, cause_of
from domain.accounts.tiers import tier_of
from domain.errors import LimitError, TierError
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from events.envelope import RecordedEvent
from events.generation import QuotaReserved
from store.quota.ledger import Account, Bounds

NAME = "quota"


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On `generation.validated`: reserved; on a final event: settled."""
    generation = await hands.generations.load(id_of(event.stream))
    if generation is None:
        return
    if generation.final:
        await _settle(generation, event, hands)
    elif generation.state is State.VALIDATED:
        await _reserve(generation, event, hands)


async def _reserve(generation: Generation, event: RecordedEvent, hands: Hands) -> None:
    request, cause = generation.request, cause_of(NAME, event)
    bounds = _bounds(request.tier, hands)
    account = await hands.admission.account(request.owner.developer)
    if not account.holds(generation.id):
        retaken = await _retake(generation.id, bounds, hands)
        if retaken is None:
            await hands.generations.decide(generation.id, decisions.deny, cause=cause)
            return
        account = retaken
    reserved = _reserved(request.period, account, bounds)
    decided = await hands.generations.decide(
        generation.id, lambda g: decisions.reserve(g, reserved), cause=cause, known=generation
    )
    if decided is not None and decided.generation.final:
        await hands.admission.settle(decided.generation)


async def _retake(generation_id: str, bounds: Bounds, hands: Hands) -> Account | None:
    """Hold again what the sweep gave back before the stream was there; None when no room is left.

    Read after the ledger: who is not over by now was not settled either, so the hold was truly lost.
    """
    generation = await hands.generations.load(generation_id)
    if generation is None or generation.state is not State.VALIDATED:
        return Account()
    request = generation.request
    try:
        return await hands.admission.hold(
            request.owner.developer, generation_id, period=request.period, bounds=bounds
        )
    except LimitError:
        return None


async def _settle(generation: Generation, event: RecordedEvent, hands: Hands) -> None:
    await hands.admission.settle(generation)
    await hands.generations.decide(
        generation.id, decisions.settle_quota, cause=cause_of(NAME, event), known=generation
    )


def _reserved(period: str, account: Account, bounds: Bounds) -> QuotaReserved:
    return QuotaReserved(
        period=period,
        used=account.used_in(period),
        limit=bounds.monthly,
        slots=len(account.slots),
        slot_limit=bounds.concurrent,
    )


def _bounds(tier: str, hands: Hands) -> Bounds:
    """Read what the tier of the admission allows; one that is configured no more holds nothing up."""
    try:
        limits = tier_of(tier, hands.tiers)
    except TierError:
        return Bounds(monthly=None, concurrent=None)
    return Bounds(monthly=limits.monthly, concurrent=limits.concurrent)
