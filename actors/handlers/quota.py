from collections.abc import Mapping

import dramatiq

from actors.broker import EventActor, broker
from actors.chain import Chain
from actors.read_ahead import ReadAhead
from domain.accounts.tiers import Tier, tier_of
from domain.errors import LimitError, TierError
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import is_uncharged
from events.envelope import Cause, RecordedEvent
from events.generation import GenerationRequested
from events.quota import QuotaReserved
from store.generations.generations import Decided, Decision, Generations
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of
from store.quota.admission import Admission
from store.quota.ledger import Account, Bounds
from store.quota.slot_queue import SlotQueue

NAME = "quota"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(event: RecordedEvent, *, chain: Chain) -> None:
    """Record the held unit of a validated generation; settle the quota of a final one."""
    await chain.run(NAME, event)


def look_ahead(
    event: RecordedEvent, request: GenerationRequested, *, admission: Admission, read_ahead: ReadAhead
) -> None:
    """Begin to read the hold of a new generation: it was there before its first event."""
    if isinstance(event.event, GenerationRequested):
        generation = id_of(event.stream)
        read_ahead.begin(generation, NAME, admission.account_of(request.owner.developer, generation))


async def decide(
    generation: Generation,
    *,
    generations: Generations,
    admission: Admission,
    read_ahead: ReadAhead,
    slot_queue: SlotQueue,
    tiers: Mapping[str, Tier],
) -> Decision | None:
    """Find the hold of a validated generation, or repeat one that was lost; nothing while it waits for its slot."""
    if generation.final:
        return await admission.settlement(generation)
    if generation.state is not State.VALIDATED:
        return None
    bounds, developer = _bounds(generation.request.tier, tiers), generation.request.owner.developer
    account = await read_ahead.take(generation.id, NAME, lambda: admission.account_of(developer, generation.id))
    if not account.holds(generation.id):
        retaken = await _retake(generation.id, bounds, generations=generations, admission=admission)
        if retaken is None:
            return decisions.deny
        account = retaken
    slot_queue.note(developer, account)
    if account.waits(generation.id):
        if not await slot_queue.take_turn(generation):
            return None
        account = await admission.account_of(developer, generation.id)
    reserved = _reserved(generation, account, bounds)
    return lambda g: decisions.reserve(g, reserved)


async def follow(
    decided: Decided,
    _cause: Cause,
    *,
    admission: Admission,
    slot_queue: SlotQueue,
    generations: Generations,
    projection: Projection,
    personal_data: PersonalDataStore,
    timeouts: Timeouts,
) -> None:
    """Settle the ledger after the log, and call those whose turn it is then.

    The sweep and the subscriber repeat what a crash left out; the job `slots` finds those who wait.
    """
    if not decided.generation.final:
        return
    await admission.settle(decided.generation)
    if is_uncharged(decided.generation):  # the next one is counted by the rows
        await projection.write(await rows_of([decided.generation], personal_data, timeouts))
    for generation in await slot_queue.next_if_known(decided.generation.request.owner.developer):
        await generations.remind(generation.id, NAME)


async def _retake(
    generation_id: str, bounds: Bounds, *, generations: Generations, admission: Admission
) -> Account | None:
    """Hold again what a sweep released before the stream existed, or a lost primary; None when no unit is left.

    Loaded after the account was read: a generation that is not final by then was not settled, so its hold is
    certainly lost. Its validation may not be appended yet.
    """
    generation = await generations.load(generation_id)
    if generation is None or generation.state not in (State.REQUESTED, State.VALIDATED):
        return Account()
    request, owner = generation.request, generation.request.owner
    queue_for = owner.user if request.queued else None
    try:
        await admission.hold(
            owner.developer, generation_id, period=request.period, bounds=bounds, durable=True, queue_for=queue_for
        )
    except LimitError:
        return None
    return await admission.account_of(owner.developer, generation_id)


def _reserved(generation: Generation, account: Account, bounds: Bounds) -> QuotaReserved:
    period, slot = generation.request.period, account.slot_of(generation.id)
    return QuotaReserved(
        period=period,
        used=account.used_in(period),
        limit=bounds.monthly,
        slots=account.running,
        slot_limit=bounds.concurrent,
        hold=slot.hold if slot else None,
    )


def _bounds(tier: str, tiers: Mapping[str, Tier]) -> Bounds:
    """Read the limits of the tier at admission; a tier that is configured no more has none."""
    try:
        limits = tier_of(tier, tiers)
    except TierError:
        return Bounds(monthly=None, concurrent=None)
    return Bounds.of(limits)
