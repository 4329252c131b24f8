"""Write the held unit into the log; when all is over, settle the ledger and say so."""

from actors.hands import Hands, cause_of
from domain import road
from domain.errors import LimitError
from domain.generation import Generation, State, id_of
from events.envelope import RecordedEvent
from events.generation import QuotaReserved
from store.ledger import Account, Bounds

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
    request = generation.request
    bounds = _bounds(request.tier, hands)
    cause = cause_of(NAME, event)
    try:
        account = await hands.admission.hold(
            request.owner.developer, generation.id, period=request.period, bounds=bounds
        )
    except LimitError:
        await hands.generations.decide(generation.id, road.deny, cause=cause)
        return
    reserved = _reserved(request.period, account, bounds)
    await hands.generations.decide(generation.id, lambda g: road.reserve(g, reserved), cause=cause)


async def _settle(generation: Generation, event: RecordedEvent, hands: Hands) -> None:
    await hands.admission.settle(generation)
    await hands.generations.decide(generation.id, road.settle_quota, cause=cause_of(NAME, event))


def _reserved(period: str, account: Account, bounds: Bounds) -> QuotaReserved:
    return QuotaReserved(
        period=period,
        used=account.used_in(period),
        limit=bounds.monthly,
        slots=len(account.slots),
        slot_limit=bounds.concurrent,
    )


def _bounds(tier: str, hands: Hands) -> Bounds:
    """Read what the tier of the admission allows; a tier that is configured no more bounds nothing."""
    limits = hands.tiers.get(tier)
    if limits is None:
        return Bounds(monthly=None, concurrent=None)
    return Bounds(monthly=limits.monthly, concurrent=limits.concurrent)
